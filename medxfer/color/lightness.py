"""How light a colour is: sRGB to luminance and back (IEC 61966-2-1), and CIE 1976 L*."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709 primaries, the ones of sRGB


def luminance(rgb: Array) -> Array:
    """Relative luminance Y in [0, 1], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ _LUMINANCE_WEIGHTS, dtype=np.float64)


def gray_of(rgb: Array) -> Array:
    """The sRGB gray value in [0, 1], shape (...), that is as light as each colour of `rgb` (..., 3)."""
    y = luminance(rgb)
    gray = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    return np.clip(gray, 0.0, 1.0)


def lightness(rgb: Array) -> Array:
    """CIE 1976 L* in [0, 100], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1]; white is (1, 1, 1)."""
    y = luminance(rgb)
    delta = 6 / 29
    f = np.where(y > delta**3, np.cbrt(y), y / (3 * delta**2) + 4 / 29)
    return 116.0 * f - 16.0
