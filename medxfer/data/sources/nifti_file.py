"""A CT volume as a NIfTI file: its slices in the order and the orientation in which DICOM would show them."""

import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import ImageError, unknown
from medxfer.base.window import CT_WINDOW, Window
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.slices import parse_slices

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

# The directions in which rows, columns and slices follow each other: left, right, anterior, posterior, superior,
# inferior. As DICOM's patient (PS3.3 C.7.6.2.1.1) is shown: its right on the left of the picture, its face upwards.
PLANES: Final = {"axial": "PLS", "coronal": "ILP", "sagittal": "IPL"}
SUFFIXES: Final = (".nii", ".nii.gz")  # the format is told by its name: nibabel reads no other
NO_SLICE = "no slice that data.slices takes"
MAX_BYTES: Final = 2**33  # of voxels; 2,000 slices of 512 × 512 as float64 are half of it
UNORIENTED = "no orientation in the NIfTI header: taken as its convention has it"


@dataclass(frozen=True)
class NiftiReader:
    """How NIfTI files are read. `plane` is axial, coronal or sagittal, by the axes of the volume that come nearest;
    `slices` chooses among the slices, as `parse_slices` takes it. Raises MedxferError for a wrong option."""

    plane: str = "axial"
    slices: str = "all"

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise unknown("data.plane", str(self.plane), PLANES, f"choose {', '.join(PLANES)}.")
        parse_slices(str(self.slices))

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        """As `Reading.pictures`: Hounsfield units (the stored values with slope and intercept), or gray through the
        window that the header's cal_min and cal_max state, else through 40/400."""
        volume = _opened(path)
        proxy: Any = volume.dataobj
        try:
            stored = np.asarray(proxy.get_unscaled())
        except (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error) as error:
            raise ImageError(path, "undecodable", f"its voxels cannot be read ({type(error).__name__})") from error
        slope, intercept = float(proxy.slope), float(proxy.inter)
        planes, window = self._oriented(volume, stored), _window(volume)
        chosen = np.flatnonzero(self._chosen(planes.shape[2]))
        if not len(chosen):
            raise ImageError(path, NO_SLICE, f"it has {planes.shape[2]} slices, and data.slices takes none of them")
        for place in chosen:
            with np.errstate(over="ignore", invalid="ignore"):
                values = planes[:, :, place].astype(np.float64) * slope + intercept
            if not (np.abs(values) <= np.finfo(np.float32).max).all():  # NaN is not, either
                raise ImageError(path, "not finite", "it has voxels that are no number, or too large for a float32")
            yield (values if hounsfield else window.gray(values)).astype(np.float32)

    def header(self, path: Path) -> HeaderFacts:
        """As `Reading.header`."""
        volume = _opened(path)
        shape = self._oriented(volume, np.broadcast_to(np.False_, _shape(volume))).shape
        used = int(self._chosen(shape[2]).sum())
        return HeaderFacts(
            "CT",
            syntax="NIfTI",
            size=f"{shape[0]}×{shape[1]}",
            bits=str(8 * volume.get_data_dtype().itemsize),
            frames=max(used, 1),
            caveats=() if any(int(volume.header[code]) > 0 for code in ("sform_code", "qform_code")) else (UNORIENTED,),
            unreadable="" if used else NO_SLICE,
        )

    def _chosen(self, number: int) -> NDArray[np.bool_]:
        return parse_slices(str(self.slices)).of(number)

    def _oriented(self, volume: "Nifti1Image", voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """A view of `voxels` (those of `volume`) as (rows, columns, slices) of the plane."""
        from nibabel.orientations import apply_orientation, axcodes2ornt, ornt_transform

        wanted = ornt_transform(_orientation(volume), axcodes2ornt(PLANES[self.plane]))
        oriented: NDArray[np.generic] = apply_orientation(voxels.reshape(_shape(volume)), wanted)
        return oriented


def is_volume(path: Path) -> bool:
    """Whether it is called as a NIfTI file is."""
    return path.name.lower().endswith(SUFFIXES)


def _opened(path: Path) -> "Nifti1Image":
    """The volume, of which only the header is read. Raises ImageError if it is none, or holds no gray of one time."""
    if find_spec("nibabel") is None:
        raise ImageError(path, "needs medxfer[nifti]", "NIfTI files need a package: pip install 'medxfer[nifti]'")
    import nibabel

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)  # what is wrong with a file is said here
    from nibabel.filebasedimages import ImageFileError
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import HeaderDataError

    try:
        volume = nibabel.load(path)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise ImageError(path, "undecodable", f"not a NIfTI file ({type(error).__name__})") from error
    if not isinstance(volume, Nifti1Image):
        raise ImageError(path, "undecodable", "not a NIfTI file")
    if len(volume.shape) < 2 or min(volume.shape) < 1 or np.isnan(_orientation(volume)).any():
        raise ImageError(path, "bad header", "its header states no volume, or axes that are none")
    if any(n > 1 for n in volume.shape[3:]):
        raise ImageError(path, "several volumes", f"its shape is {volume.shape}; give one volume a file")
    if prod(volume.shape) * volume.get_data_dtype().itemsize > MAX_BYTES:
        raise ImageError(path, "too large", f"its header claims more than {MAX_BYTES >> 30} GiB")
    if volume.get_data_dtype().kind not in "iuf":
        raise ImageError(path, "not grayscale", "its voxels are not real numbers")
    return volume


def _orientation(volume: "Nifti1Image") -> NDArray[np.float64]:
    """As nibabel's `io_orientation` of its affine, (3, 2); NaN where that has no axes."""
    from nibabel.orientations import io_orientation

    try:
        orientation: NDArray[np.float64] = io_orientation(volume.affine)
    except np.linalg.LinAlgError:
        orientation = np.full((3, 2), np.nan)
    return orientation


def _shape(volume: "Nifti1Image") -> tuple[int, int, int]:
    x, y, z = (*volume.shape, 1)[:3]
    return x, y, z


def _window(volume: "Nifti1Image") -> Window:
    low, high = float(volume.header["cal_min"]), float(volume.header["cal_max"])
    stated = Window((low + high) / 2, high - low, "LINEAR_EXACT")
    return stated if stated.valid else CT_WINDOW
