"""What a scanner makes of a virtual patient: a frontal chest radiograph (DX) or an axial slice (CT)."""

from itertools import count, islice

import numpy as np
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from medxfer.data.phantom.anatomy import AIR, CORTEX, LUNG, MUSCLE, Body, Ribs
from medxfer.data.phantom.ellipsoids import Array, Ellipsoid, Interval, Plane, Point, remaining

FIELD = 35.0  # mean width of an image, cm
WATER = 0.19  # attenuation at about 70 keV, 1/cm
PHOTONS, ELECTRONIC_NOISE = 20_000.0, 5.0  # a pixel behind air; standard deviation in photons
CT_NOISE = 14.0  # standard deviation, HU
PADDING = -3024.0  # HU outside the circle that is reconstructed


def lung_nodules(rng: np.random.Generator, body: Body) -> list[Ellipsoid]:
    """One to six nodules of soft tissue anywhere in the lungs."""
    chest = body.ribs.inner
    places = (chest.center + rng.uniform(-1, 1, 3) / np.diag(chest.shape) for _ in count())
    return [
        Ellipsoid.of(place, _lesion_half(rng), rng.normal(40, 10), LUNG)
        for place in islice(filter(body.in_lung, places), int(rng.integers(1, 7)))
    ]


def liver_level(rng: np.random.Generator, body: Body) -> float:
    """A height (z, cm) at which a slice shows both the liver and the lungs' lower ends."""
    top = body.liver.center[2] + 1 / body.liver.shape[2, 2]
    return float(top - rng.uniform(3.5, 6.5))


def liver_lesions(rng: np.random.Generator, body: Body, level: float) -> list[Ellipsoid]:
    """One to four lesions darker than the liver around them, centred close to the height `level`."""
    liver, hu = body.liver, body.liver.hu - rng.uniform(25, 50)
    radius = np.sqrt(1 - ((level - liver.center[2]) * liver.shape[2, 2]) ** 2) / np.diag(liver.shape)[:2]
    lesions = []
    for _ in range(rng.integers(1, 5)):
        angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 0.6))
        center = liver.center[:2] + radius * far * (np.cos(angle), np.sin(angle))
        lesions.append(Ellipsoid.of((*center, level + rng.uniform(-0.3, 0.3)), _lesion_half(rng), hu, liver.hu))
    return lesions


def _lesion_half(rng: np.random.Generator) -> Point:
    return np.asarray(np.exp(rng.uniform(*np.log([0.8, 2.2]))) * rng.uniform(0.85, 1.15, 3))


def frontal_plane(rng: np.random.Generator, size: int) -> Plane:
    """A detector behind a patient who stands a little differently each time."""
    return _plane(rng, (0, 0, -1.5), ((1, 0, 0), (0, 0, -1), (0, 1, 0)), size)


def axial_plane(rng: np.random.Generator, level: float, size: int) -> Plane:
    """A slice at the height `level` (z, cm) of a patient who lies a little differently each time."""
    return _plane(rng, (0, 0, level), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), size)


def draw_dx(rng: np.random.Generator, body: Body, plane: Plane, lesions: list[Ellipsoid]) -> Array:
    """(size, size) float32: ln(I₀/I), about 0 in air and up to 6 or so, with blur and noise."""
    water = _water(body, plane)
    for lesion in lesions:
        _add(water, plane, lesion)
    photons = np.float32(PHOTONS) * np.exp(np.float32(-WATER) * water)
    quantum, electronic = rng.standard_normal((2, *photons.shape), dtype=np.float32)
    signal = photons + np.sqrt(photons) * quantum + np.float32(ELECTRONIC_NOISE) * electronic
    blurred = ndimage.gaussian_filter(signal, 0.5)
    return np.asarray(np.log(np.float32(PHOTONS) / np.maximum(blurred, 1)))


def draw_ct(rng: np.random.Generator, body: Body, plane: Plane, lesions: list[Ellipsoid]) -> Array:
    """(size, size) float32 HU, with blur and noise, in a circle; PADDING around it."""
    size = plane.size
    hu = np.full((size, size), AIR, np.float32)
    for part in (*body.skin, *body.muscle):
        _paint(hu, plane, part)
    _paint_within_ribs(hu, plane, body, lesions)
    for bone in body.bones:
        _paint(hu, plane, bone)
    hu = ndimage.gaussian_filter(hu, 0.6) + _reconstruction_noise(rng, size)
    steps = np.arange(size) - (size - 1) / 2
    hu[np.hypot(steps, steps[:, None]) > size / 2] = PADDING
    return np.asarray(hu)


def _plane(rng: np.random.Generator, center: tuple[float, ...], axes: tuple[tuple[int, ...], ...], size: int) -> Plane:
    turn = Rotation.from_euler("xyz", rng.normal(0, (1.5, 1.5, 2.0)), degrees=True).as_matrix()
    shift, zoom = rng.normal(0, (0.6, 0.6, 0.2)), rng.normal(1, 0.025)
    return Plane(np.array(center) + shift, np.array(axes, dtype=float) @ turn.T, FIELD * zoom / size, size)


def _contrast(solid: Ellipsoid) -> np.float32:
    """What `solid` adds along each centimetre, in centimetres of water."""
    return np.float32((solid.hu - solid.inside) / 1000)


def _add(water: Array, plane: Plane, solid: Ellipsoid) -> None:
    crop = plane.around(solid)
    water[crop] += plane.length(solid, crop) * _contrast(solid)


def _water(body: Body, plane: Plane) -> Array:
    """(h, w): the water that would attenuate each ray as much as the patient does, cm."""
    water = _extent(body.skin, plane) * _contrast(body.skin[0])
    water += _extent(body.muscle, plane) * _contrast(body.muscle[0])
    outer, inner = plane.chord(body.ribs.outer), plane.chord(body.ribs.inner)
    water += _ribs(body.ribs, plane, outer, inner) * np.float32((CORTEX - MUSCLE) / 1000)
    water += (inner[1] - inner[0]) * _contrast(body.ribs.inner)
    for lung in body.lungs:
        crop = plane.around(lung)
        start, end = plane.chord(lung, crop)
        whole = np.maximum(start, inner[0][crop]), np.minimum(end, inner[1][crop])
        others = [plane.chord(other, crop) for other in body.beside_lungs if plane.overlap(lung, other)]
        water[crop] += remaining(whole, others) * _contrast(lung)
    for solid in (*body.viscera, *body.bones):
        _add(water, plane, solid)
    return water


def _extent(parts: list[Ellipsoid], plane: Plane) -> Array:
    """(h, w): from where a ray first meets one of the overlapping `parts` to where it leaves the last."""
    first, last = np.full((2, plane.size, plane.size), np.inf, np.float32)
    for part in parts:
        crop = plane.around(part)
        start, end = plane.chord(part, crop)
        missed = np.where(end > start, np.float32(0), np.float32(np.inf))
        first[crop] = np.minimum(first[crop], start + missed)
        last[crop] = np.minimum(last[crop], missed - end)
    return np.where(np.isinf(first), 0, -last - first)


def _ribs(ribs: Ribs, plane: Plane, outer: Interval, inner: Interval) -> Array:
    """(h, w): the length of each ray in rib: the slabs' square wave, integrated through the shell's walls."""
    phase, speed = plane.linear(ribs.slope), np.float32(ribs.slope @ plane.axes[2])
    width = np.float32(ribs.width)

    def bone_up_to(t: Array) -> Array:
        slabs = phase + speed * t
        whole = np.floor(slabs)
        return np.asarray((whole * width + np.minimum(slabs - whole, width)) / speed)

    near, far = np.clip(inner[0], *outer), np.clip(inner[1], *outer)
    front, back = bone_up_to(near) - bone_up_to(outer[0]), bone_up_to(outer[1]) - bone_up_to(far)
    return front * _ossified(ribs, plane) + back


def _ossified(ribs: Ribs, plane: Plane) -> Array:
    """How far the ribs' front ends are bone: 0.15 at the midline, 1 beyond the cartilage."""
    return np.clip(np.abs(plane.linear((1, 0, 0))) - np.float32(ribs.cartilage), 0.15, 1)


def _paint(hu: Array, plane: Plane, solid: Ellipsoid) -> None:
    if plane.meets(solid):
        crop = plane.around(solid)
        hu[crop] += plane.coverage(solid, crop) * (np.float32(solid.hu) - hu[crop])


def _paint_within_ribs(hu: Array, plane: Plane, body: Body, lesions: list[Ellipsoid]) -> None:
    ribs = body.ribs
    within, shell = plane.coverage(ribs.inner), plane.coverage(ribs.outer)
    slabs = plane.linear(ribs.slope)
    bone = (slabs - np.floor(slabs) < ribs.width) * np.where(plane.linear((0, 1, 0)) < 0, _ossified(ribs, plane), 1)
    hu += shell * bone * np.float32(CORTEX - MUSCLE)

    inside = np.full_like(hu, ribs.inner.hu)
    airy = np.ones_like(hu)
    for other in body.beside_lungs:
        airy *= 1 - plane.coverage(other)
    for lung in body.lungs:
        inside += airy * plane.coverage(lung) * (np.float32(lung.hu) - inside)
    for solid in (*body.viscera, *lesions):
        _paint(inside, plane, solid)
    hu += within * (inside - hu)


def _reconstruction_noise(rng: np.random.Generator, size: int) -> Array:
    """(size, size) HU: noise with the spectrum that filtered backprojection leaves, a ramp with a soft end."""
    frequency = np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size)).astype(np.float32)
    spectrum = (frequency + 0.01) * np.exp(-((frequency / 0.22) ** 2))
    noise = fft.irfft2(fft.rfft2(rng.standard_normal((size, size), dtype=np.float32)) * spectrum, s=(size, size))
    return np.asarray(noise * np.float32(CT_NOISE / noise.std()))
