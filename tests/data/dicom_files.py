"""Small DICOM files for the tests, written with pydicom: correct unless a test makes them otherwise."""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame

_numbers = count(1)


def dicom_dataset(pixels: NDArray[Any], **elements: Any) -> Dataset:
    """A Secondary Capture of `pixels`, (H, W) or (frames, H, W), with `elements`; None takes one away."""
    dataset = Dataset()
    dataset.SOPClassUID = uid.SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{next(_numbers)}"
    dataset.Modality = "DX"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    if pixels.dtype.kind == "f":
        dataset.BitsAllocated = 8 * pixels.itemsize
        setattr(dataset, {4: "FloatPixelData", 8: "DoubleFloatPixelData"}[pixels.itemsize], pixels.tobytes())
    else:
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        raw = pixels.tobytes()
        dataset.add_new("PixelData", "OW", raw + b"\0" * (len(raw) % 2))
    for keyword, value in elements.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


def write_dicom(path: Path, pixels: NDArray[Any], syntax: str = uid.ExplicitVRLittleEndian, **elements: Any) -> Path:
    """`dicom_dataset` as a file of that transfer syntax, compressed by pydicom's encoders."""
    return save(path, dicom_dataset(pixels, **elements), syntax)


def save(path: Path, dataset: Dataset, syntax: str = uid.ExplicitVRLittleEndian) -> Path:
    syntax = uid.UID(syntax)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    if syntax == uid.ExplicitVRBigEndian:
        width = dataset.BitsAllocated // 8
        dataset.PixelData = np.frombuffer(dataset.PixelData, f"<u{width}").astype(f">u{width}").tobytes()
    elif syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def codestream(dataset: Dataset) -> bytes:
    """The compressed bytes of its only frame."""
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


def with_codestream(path: Path, dataset: Dataset, data: bytes) -> Path:
    """A compressed `dataset` as a file, with `data` for its only frame."""
    dataset.PixelData = encapsulate([data])
    dataset.save_as(path)
    return path


def lut(first: int, entries: list[int], bits: int, vr: str = "US", explanation: str = "") -> Dataset:
    """An item of Modality or VOI LUT Sequence. `vr` is that of the descriptor."""
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries) & 0xFFFF, first, bits])
    item.LUTExplanation = explanation
    item.add_new("LUTData", "US", entries)
    return item


def functional_group(
    slope: float | None = None, intercept: float = 0, window: tuple[float, float] | None = None
) -> Dataset:
    """An item of a functional groups sequence with a rescale, a window, or both."""
    group = Dataset()
    if slope is not None:
        rescale = Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = slope, intercept
        group.PixelValueTransformationSequence = [rescale]
    if window is not None:
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = window
        group.FrameVOILUTSequence = [voi]
    return group
