"""The well-known colour palettes of the DICOM standard."""

import numpy as np

from medxfer.base.errors import unknown
from medxfer.color.colormaps import HINT, Colormap, Colors, Family, resample

# PS3.6 Annex B.1: the well-known colour palettes (256 entries of 8 bits), in the order of their UIDs.
DICOM_PALETTES = ("hot_iron", "pet", "hot_metal_blue", "pet_20_step", "spring", "summer", "fall", "winter")
_STEPPED_PALETTES = ("pet_20_step",)


@Family(
    "dicom:<name>",
    "palettes of the DICOM standard, PS3.6 Annex B",
    "dicom:(.*)",
    tuple(f"dicom:{palette}" for palette in DICOM_PALETTES),
)
def dicom(name: str, palette: str) -> Colormap:
    if palette not in DICOM_PALETTES:
        raise unknown("colormap", name, (f"dicom:{p}" for p in DICOM_PALETTES), HINT)

    def build(levels: int) -> Colors:
        from pydicom.pixels.processing import apply_color_lut

        # By UID: pydicom 3.0's names FALL and WINTER stand for each other's palette.
        uid = f"1.2.840.10008.1.5.{DICOM_PALETTES.index(palette) + 1}"
        colors = apply_color_lut(np.arange(256, dtype=np.uint8)[None], palette=uid)[0] / 255.0
        if palette in _STEPPED_PALETTES:
            return np.asarray(colors[np.arange(levels) * 256 // levels])
        return resample(colors, levels)

    return Colormap(name, build=build)
