"""How light a colour is: the gray that is as light, and CIE L*."""

import numpy as np
from numpy.typing import NDArray

from medxfer.color.colormaps import Colors


def _luminance_of(rgb: Colors) -> NDArray[np.float64]:
    """Relative luminance Y in [0, 1], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1] (IEC 61966-2-1)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]), dtype=np.float64)  # Rec. 709 primaries


def gray_of(rgb: Colors) -> NDArray[np.float64]:
    """The sRGB gray value in [0, 1], shape (...), that is as light as each colour of `rgb` (..., 3)."""
    y = _luminance_of(rgb)
    return np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055).clip(0, 1)


def lightness(rgb: Colors) -> NDArray[np.float64]:
    """CIE 1976 L* in [0, 100], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1]; white is (1, 1, 1)."""
    y, delta = _luminance_of(rgb), 6 / 29
    return 116.0 * np.where(y > delta**3, np.cbrt(y), y / (3 * delta**2) + 4 / 29) - 16.0
