"""Ellipsoids seen along parallel rays (a radiograph) or cut by a plane (a slice): both in closed form.

Lengths are in centimetres, in patient axes: x to the patient's left, y to the back, z to the head.

A point h = (u, v, 1) of an image plane lies at q = H h in coordinates in which the ellipsoid is the unit ball.
So |q|², the square of its gradient and a ray's discriminant are quadratic forms in h: a few operations a pixel,
however the ellipsoid is turned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Point = NDArray[np.float64]
Crop = tuple[slice, slice]  # rows, columns
Interval = tuple[Array, Array]  # where each ray enters and leaves, cm along the ray from the image plane

WHOLE: Crop = (slice(None), slice(None))


@dataclass(frozen=True)
class Ellipsoid:
    """All p with |shape @ (p - center)| <= 1, filled with one material."""

    center: Point  # (3,)
    shape: Point  # (3, 3)
    hu: float
    inside: float  # HU of what it lies in

    @classmethod
    def of(cls, center: ArrayLike, half: ArrayLike, hu: float, inside: float, along: ArrayLike = (0, 0, 1)) -> Self:
        """From the half axes (3,), of which the third points `along`."""
        half = np.asarray(half, dtype=float)
        return cls(np.asarray(center, dtype=float), _rotation(along) / half[:, None], hu, inside)

    @cached_property
    def reach(self) -> float:
        """The longest half axis."""
        return float(1 / np.linalg.svd(self.shape, compute_uv=False)[-1])

    def stretched(self, factor: Point) -> Self:
        """The same with all of space stretched along x, y, z."""
        return replace(self, center=self.center * factor, shape=self.shape / factor)

    def grown(self, by: float, hu: float, inside: float) -> Self:
        """The same with `by` cm added to each half axis, of another material."""
        u, s, vt = np.linalg.svd(self.shape)
        return replace(self, shape=u @ np.diag(1 / (1 / s + by)) @ vt, hu=hu, inside=inside)

    def contains(self, point: Point, margin: float = 0) -> bool:
        """Whether `point` lies in it, and not in the outermost `margin` (a share of its size)."""
        return bool(np.linalg.norm(self.shape @ (point - self.center)) <= 1 - margin)


def _rotation(along: ArrayLike) -> Point:
    """A rotation whose last row points `along`; the identity for (0, 0, 1)."""
    w = np.asarray(along, dtype=float)
    w = w / np.linalg.norm(w)
    u = np.cross((0, 1, 0) if abs(w[1]) < 0.9 else (1, 0, 0), w)
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(w, u), w])


@dataclass(frozen=True)
class Plane:
    """A square image in the patient, `size` pixels wide, `spacing` cm apart."""

    center: Point  # (3,)
    axes: Point  # (3, 3): unit vectors along a row (u), down a column (v), and from the source to the plane
    spacing: float
    size: int

    def around(self, solid: Ellipsoid) -> Crop:
        """The pixels outside of which `solid` cannot be seen."""
        u, v, _ = self.axes @ (solid.center - self.center) / self.spacing + (self.size - 1) / 2
        reach = solid.reach / self.spacing + 1
        top, bottom, left, right = np.clip(
            np.rint([v - reach, v + reach + 1, u - reach, u + reach + 1]), 0, self.size
        ).astype(int)
        return slice(top, bottom), slice(left, right)

    def overlap(self, one: Ellipsoid, other: Ellipsoid) -> bool:
        """Whether a ray may pass through both; False means that none does."""
        boxes = zip(self.around(one), self.around(other), strict=True)
        return all(a.start < b.stop and b.start < a.stop for a, b in boxes)

    def meets(self, solid: Ellipsoid) -> bool:
        """Whether the plane may cut `solid`; False means that it does not."""
        return bool(abs(self.axes[2] @ (solid.center - self.center)) < solid.reach)

    def linear(self, vector: ArrayLike, offset: float = 0, crop: Crop = WHOLE) -> Array:
        """(h, w): vector · p + offset for the pixels' positions p."""
        u, v = self._coordinates(crop)
        vector = np.asarray(vector, dtype=float)
        du, dv, _ = (self.axes @ vector).astype(np.float32)
        return np.asarray((du * u + np.float32(self.center @ vector + offset)) + (dv * v)[:, None])

    def chord(self, solid: Ellipsoid, crop: Crop = WHOLE) -> Interval:
        """Where each ray enters and leaves `solid`; one that misses it does both at its nearest approach."""
        toward, discriminant = self._ray_forms(solid)
        middle = self.linear(toward, -float(toward @ solid.center), crop)
        half = np.sqrt(np.maximum(self._quadratic(discriminant, crop), 0))
        return middle - half, middle + half

    def length(self, solid: Ellipsoid, crop: Crop = WHOLE) -> Array:
        """(h, w): the length of each ray in `solid`, cm."""
        return 2 * np.sqrt(np.maximum(self._quadratic(self._ray_forms(solid)[1], crop), 0))

    def coverage(self, solid: Ellipsoid, crop: Crop = WHOLE) -> Array:
        """(h, w): the share of each pixel that lies in `solid`: 1 within, 0 without, between at its edge.

        To first order in the distance from the edge.
        """
        H = self._to_unit_ball(solid)
        excess = H.T @ H - np.diag([0.0, 0.0, 1.0])  # |q|² - 1
        slope = 2 * (H.T @ H)[:2]  # its gradient in the plane
        steepness = np.sqrt(np.maximum(self._quadratic(slope.T @ slope, crop), 1e-12))
        return np.clip(0.5 - self._quadratic(excess, crop) / (steepness * np.float32(self.spacing)), 0, 1)

    def _coordinates(self, crop: Crop) -> tuple[Array, Array]:
        steps = ((np.arange(self.size) - (self.size - 1) / 2) * self.spacing).astype(np.float32)
        return steps[crop[1]], steps[crop[0]]

    def _to_unit_ball(self, solid: Ellipsoid) -> Point:
        return np.asarray(solid.shape @ np.column_stack([self.axes[0], self.axes[1], self.center - solid.center]))

    def _ray_forms(self, solid: Ellipsoid) -> tuple[Point, Point]:
        """A chord's middle, as a vector on positions, and the square of half its length, as a form in h."""
        H, d = self._to_unit_ball(solid), solid.shape @ self.axes[2]
        a = d @ d
        discriminant = np.outer(d @ H, d @ H) - a * (H.T @ H - np.diag([0.0, 0.0, 1.0]))
        return -(d @ solid.shape) / a, discriminant / a**2

    def _quadratic(self, form: Point, crop: Crop) -> Array:
        """(h, w): hᵀ form h."""
        u, v = self._coordinates(crop)
        f = form.astype(np.float32)
        along_u = (f[0, 0] * u + 2 * f[0, 2]) * u + f[2, 2]
        along_v = (f[1, 1] * v + 2 * f[1, 2]) * v
        return np.asarray(np.multiply.outer(2 * f[0, 1] * v, u) + along_u + along_v[:, None])


def remaining(whole: Interval, removed: Sequence[Interval]) -> Array:
    """(h, w): the length of the interval `whole` that no interval of `removed` covers.

    With starts and ends each sorted by themselves, a gap is where the next start lies beyond the last end.
    """
    start, end = whole[0], np.maximum(*whole)
    starts = np.sort(np.clip(np.stack([low for low, _ in removed]), start, end), axis=0)
    ends = np.sort(np.clip(np.stack([high for _, high in removed]), start, end), axis=0)
    gaps = np.maximum(starts[1:] - ends[:-1], 0).sum(axis=0, dtype=np.float32)
    return np.asarray(gaps + (starts[0] - start) + (end - ends[-1]))
