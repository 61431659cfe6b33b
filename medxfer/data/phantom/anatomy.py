"""A virtual patient: the trunk, from neck to upper belly, as ellipsoids; everyone is a little different.

Sizes and places follow an adult trunk by eye, to look right to a layman; they are no anatomical reference.
Centimetres and axes as in `ellipsoids`; the origin lies in the middle of the chest. Materials are in HU.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medxfer.data.phantom.ellipsoids import Ellipsoid, Point

AIR, GAS, LUNG, FAT, FILLING, MUSCLE = -1000.0, -950.0, -820.0, -100.0, -50.0, 50.0
CORTEX = 1000.0  # of ribs
SIDES = (-1, 1)  # right, left


@dataclass(frozen=True)
class Ribs:
    """The shell between two ellipsoids, cut into slabs that slope down to the front."""

    outer: Ellipsoid
    inner: Ellipsoid  # what is within is FILLING
    slope: Point  # (3,): the slabs' normal, divided by the distance from one rib to the next
    width: float  # of a rib, as a share of that distance
    cartilage: float  # cm from the midline within which the front ends are not bone


@dataclass(frozen=True)
class Body:
    skin: list[Ellipsoid]  # overlapping parts of one layer
    muscle: list[Ellipsoid]
    ribs: Ribs
    lungs: list[Ellipsoid]
    beside_lungs: list[Ellipsoid]  # what takes room from the lungs
    viscera: list[Ellipsoid]  # within the ribs; where two meet, the later one is seen
    bones: list[Ellipsoid]  # other than ribs
    liver: Ellipsoid

    def in_lung(self, point: Point) -> bool:
        """Whether `point` lies in a lung, not close to its outer surface."""
        return (
            self.ribs.inner.contains(point, margin=0.08)
            and any(lung.contains(point, margin=0.08) for lung in self.lungs)
            and not any(other.contains(point) for other in self.beside_lungs)
        )


@dataclass(frozen=True)
class _Blood:
    hu: float
    in_liver: float
    liver: float


def virtual_patient(rng: np.random.Generator, haze: float = 0, fatty: float = 0) -> Body:
    """Another patient at each call; `haze` makes the lungs denser, and `fatty` the liver less dense, by so many HU.

    All have been given contrast medium; the liver's vessels may have more of it than the liver, or still less.
    """
    liver_hu = rng.normal(105, 4) - fatty
    blood = _Blood(rng.normal(145, 8), liver_hu + rng.choice([-18, 40]), liver_hu)
    build = np.clip(rng.normal(1, 0.05, 3), 0.9, 1.1)

    def built(parts: Iterator[Ellipsoid]) -> list[Ellipsoid]:
        return [part.stretched(build) for part in parts]

    breath = rng.normal(0, 0.8)
    ribs = _ribs(rng, build)
    lungs = built(_lungs(rng, haze))
    liver, left_dome = built(_domes(rng, breath, blood))
    great = built(_heart_and_vessels(rng, breath, blood))
    muscle, skin = _wall(rng, ribs.outer, build)
    middle = Ellipsoid.of((0.2, 2, 0), (2.4, 14, 60), FILLING, FILLING).stretched(build)
    return Body(
        skin=skin,
        muscle=muscle,
        ribs=ribs,
        lungs=lungs,
        beside_lungs=[middle, liver, left_dome, *great],
        viscera=[
            *built(_lung_vessels(rng)),
            left_dome,
            *built(_left_upper_belly(rng, blood)),
            liver,
            *built(_liver_parts(rng, breath, blood)),
            *great,
            *built(_airways()),
        ],
        bones=built(_spine(rng)) + built(_shoulders_and_sternum(rng)),
        liver=liver,
    )


def _vary(rng: np.random.Generator, values: ArrayLike, by: float = 0.05) -> Point:
    """`values`, each changed by a random share of itself with the standard deviation `by`."""
    return np.asarray(values) * np.clip(rng.normal(1, by, np.shape(values)), 1 - 2 * by, 1 + 2 * by)


def _ribs(rng: np.random.Generator, build: Point) -> Ribs:
    outer = Ellipsoid.of((0, 0, -6), (14.2, 10.2, 22.5), MUSCLE, MUSCLE).stretched(build)
    angle = np.radians(rng.normal(30, 3))
    return Ribs(
        outer=outer,
        inner=outer.grown(-0.75, FILLING, MUSCLE),
        slope=np.array([rng.normal(0, 0.02), np.sin(angle), np.cos(angle)]) / (rng.normal(2.8, 0.1) * build[2]),
        width=rng.normal(0.42, 0.03),
        cartilage=rng.normal(6, 0.7),
    )


def _wall(rng: np.random.Generator, cage: Ellipsoid, build: Point) -> tuple[list[Ellipsoid], list[Ellipsoid]]:
    """Muscle, and skin with 0.5 to 3 cm of fat below it."""
    width, depth, _ = 1 / np.diag(cage.shape) + rng.uniform(0.7, 1.3)
    fat = rng.uniform(0.5, 3)
    muscle = [
        Ellipsoid.of((0, 0.3, -8), (width, depth, 70), MUSCLE, FAT),
        Ellipsoid.of((0, 1, 26), (6.5 * build[0], 6, 14), MUSCLE, FAT),
    ]
    for side in SIDES:
        shoulder = Ellipsoid.of((side * 11, 1, 13.5), (12.5, 6.8, 5.8), MUSCLE, FAT, along=(side * 0.35, 0, 1))
        flank = Ellipsoid.of((side * 12, 1.5, 5), (4.6, 6, 12), MUSCLE, FAT, along=(side * 0.12, 0, 1))
        muscle += [shoulder.stretched(build), flank.stretched(build)]
    skin = [part.grown(fat, FAT, AIR) for part in muscle]
    if rng.random() < 0.5:
        half = _vary(rng, (5.0, 3.6, 4.8), by=0.1)
        skin += [Ellipsoid.of((side * 7, 2.2 - 0.9 * (depth + fat), -6), half, FAT, AIR) for side in SIDES]
    return muscle, skin


def _lungs(rng: np.random.Generator, haze: float) -> Iterator[Ellipsoid]:
    density = rng.normal(LUNG, 15) + haze
    for side in SIDES:
        yield Ellipsoid.of((side * 7.5, 0, -1), _vary(rng, (7.0, 9.6, 18), 0.02), density, FILLING)


def _domes(rng: np.random.Generator, breath: float, blood: _Blood) -> Iterator[Ellipsoid]:
    """The liver and the fat below the left half of the diaphragm."""
    yield Ellipsoid.of((-6.2, -0.5, -16.5 + breath), _vary(rng, (8.2, 8.4, 9.5), 0.03), blood.liver, FILLING)
    yield Ellipsoid.of((6.4, -0.5, -17.5 + breath), _vary(rng, (7.6, 8.2, 9.5), 0.03), FAT, FILLING)


def _heart_and_vessels(rng: np.random.Generator, breath: float, blood: _Blood) -> Iterator[Ellipsoid]:
    axis = _vary(rng, (0.62, -0.4, -0.65), 0.15)
    yield Ellipsoid.of((-2.3, -0.5, 6), _vary(rng, (1.3, 1.3, 7.5)), blood.hu, FILLING)  # upper caval vein
    yield Ellipsoid.of((1.5, 1.5, 6.5), _vary(rng, (2.2, 3.4, 1.9), 0.08), blood.hu, FILLING)  # aortic arch
    yield Ellipsoid.of((2.4, 4.4, -7), _vary(rng, (1.25, 1.25, 17), 0.08), blood.hu, FILLING)  # aorta
    yield Ellipsoid.of((2.4, -1.5, 2.2), _vary(rng, (2.0, 2.2, 2.6), 0.08), blood.hu, FILLING)  # pulmonary trunk
    yield Ellipsoid.of((-2.0, -1.5, -3.5), _vary(rng, (2.6, 3.2, 4.6), 0.08), blood.hu, FILLING)  # right atrium
    yield Ellipsoid.of((3.2, -3.2, -4.3 + breath), _vary(rng, (4.6, 4.5, 6.6), 0.08), blood.hu, FILLING, axis)


def _left_upper_belly(rng: np.random.Generator, blood: _Blood) -> Iterator[Ellipsoid]:
    stomach = np.array([6.3, -2.4, -14.5]) + rng.normal(0, 0.5, 3)
    yield Ellipsoid.of((9.3, 4.0, -15), _vary(rng, (2.9, 3.8, 5), 0.08), (blood.hu + 60) / 2, FAT)  # spleen
    yield Ellipsoid.of(stomach, _vary(rng, (3.8, 4.4, 5.2), 0.08), 30, FAT)
    yield Ellipsoid.of(stomach - (0, 2.0, -1), rng.uniform(0.5, 1.1) * np.array([2.6, 1.6, 3]), GAS, 30)


def _liver_parts(rng: np.random.Generator, breath: float, blood: _Blood) -> Iterator[Ellipsoid]:
    yield Ellipsoid.of((-0.5, -4.6, -16 + breath), _vary(rng, (6.8, 4.0, 5.5)), blood.liver, FILLING)
    hilum = np.array([-2.8, 1.6, -12.5 + breath])
    outward = ((-1, -0.9, 0.1), (-1, 0.1, -0.2), (-0.8, 0.8, 0.0))
    yield from _tree(rng, hilum, outward, 3.2, 0.5, blood.in_liver, blood.liver)
    yield Ellipsoid.of((-2.4, 2.4, -16), _vary(rng, (1.3, 1.1, 9)), blood.hu, FILLING)  # lower caval vein


def _lung_vessels(rng: np.random.Generator) -> Iterator[Ellipsoid]:
    for side in SIDES:
        outward = [(side, y, z) for y, z in ((-0.4, 1.3), (0.5, 0.5), (-0.5, -0.4), (0.5, -1.2))]
        yield from _tree(rng, np.array([side * 3.4, 0.5, 0.8]), outward, 3.6, 0.6, MUSCLE, LUNG)


def _tree(
    rng: np.random.Generator,
    start: Point,
    directions: Sequence[ArrayLike],
    length: float,
    radius: float,
    hu: float,
    inside: float,
    forks: int = 2,
) -> Iterator[Ellipsoid]:
    """Vessels: from `start` one in each direction, forking `forks` times into shorter and thinner ones."""
    for direction in directions:
        along = np.asarray(direction, dtype=float) + rng.normal(0, 0.2, 3)
        along /= np.linalg.norm(along)
        extent = length * rng.uniform(0.8, 1.2)
        yield Ellipsoid.of(start + along * extent / 2, (radius, radius, extent * 0.62), hu, inside, along)
        if forks:
            apart = rng.normal(0, 0.45, 3)
            ends = (along + apart, along - apart)
            yield from _tree(rng, start + along * extent, ends, length * 0.8, radius * 0.66, hu, inside, forks - 1)


def _airways() -> Iterator[Ellipsoid]:
    yield Ellipsoid.of((0, 1.2, 13), (0.95, 0.85, 9), GAS, FILLING)
    for side in SIDES:
        yield Ellipsoid.of((side * 1.8, 1.2, 3.4), (0.6, 0.6, 2.5), GAS, FILLING, along=(side, 0, -1))


def _spine(rng: np.random.Generator) -> Iterator[Ellipsoid]:
    marrow = rng.normal(170, 25)
    yield Ellipsoid.of((0, 6.0, 0), (1.9, 1.5, 70), 90, FILLING)  # discs
    for z in np.arange(-27, 27, 2.7) + rng.uniform(0, 2.7):
        yield Ellipsoid.of((0, 9.5, z - 0.9), (0.4, 1.4, 0.8), 280, MUSCLE)  # spinous process
        yield Ellipsoid.of((0, 8.1, z), (3.0, 0.5, 0.6), 280, FILLING)  # transverse processes
        yield Ellipsoid.of((0, 7.9, z), (1.6, 1.3, 1.0), 280, FILLING)  # arch
        yield Ellipsoid.of((0, 6.0, z), (2.0, 1.65, 1.2), 320, 90)  # vertebral body
        yield Ellipsoid.of((0, 6.0, z), (1.8, 1.45, 1.1), marrow, 320)
        yield Ellipsoid.of((0, 7.9, z), (0.95, 0.75, 1.3), 30, 280)  # canal


def _shoulders_and_sternum(rng: np.random.Generator) -> Iterator[Ellipsoid]:
    lift = rng.normal(0, 0.7)
    yield Ellipsoid.of((0, -9.4, 2), (1.6, 0.5, 7.5), 250, MUSCLE)
    for side in SIDES:
        yield Ellipsoid.of((side * 8.4, -5, 12 + lift), (0.6, 0.6, 7.0), 700, MUSCLE, along=(side, 0.35, 0.25))
        yield Ellipsoid.of((side * 17, 0.5, 12.5 + lift), (2.4, 2.4, 2.6), 350, MUSCLE)
        yield Ellipsoid.of((side * 13, 8, 6 + lift), (3.8, 0.35, 6.5), 350, MUSCLE, along=(side * 0.25, 0, 1))
