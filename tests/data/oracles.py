"""Independent readers and an independent gray path, for the tests that compare with them.

GDCM: `pip install python-gdcm`. DCMTK: `apt-get install dcmtk`, or https://dcmtk.org.
"""

import csv
import faulthandler
import multiprocessing
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from medxfer.data.dicom import silence
from medxfer.data.dicom.pixels import PixelFormat

DECOMPRESS = {
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1), "dcmdjpeg"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "dcmdjpls"),
    uid.RLELossless: "dcmdrle",
}
JPEG2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)


def real_files(folder: Path) -> list[Path]:
    """Odd ones, radiographs, CT, and pydicom's own."""
    tables = ("dicom_odd/index.csv", "dx_covid/labels.csv", "ct_contrast/labels.csv")
    paths = []
    for table in tables:
        with (folder / table).open(newline="") as rows:
            paths += [(folder / table).parent / row["path"] for row in csv.DictReader(rows)]
    own = (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*")
    return paths + sorted(path for path in own if path.is_file())


def pydicom_stored(path: Path, form: PixelFormat) -> NDArray[Any] | None:
    """All frames by pydicom, (frames, H, W), or None where it cannot read the file."""
    try:
        with silence():
            stored = pydicom.dcmread(path, force=True).pixel_array
    except Exception:  # it raises whatever its decoders raise
        return None
    stored = stored.reshape(form.number_of_frames, form.rows, form.columns)
    return stored if stored.dtype.kind == "f" or form.bits_allocated == 1 else _used_bits(stored, form)


def gdcm_stored(path: Path, form: PixelFormat, folder: Path) -> NDArray[Any] | None:
    """All frames by GDCM, (frames, H, W), or None where it cannot read the file."""
    target = folder / "gdcm.npy"
    target.unlink(missing_ok=True)
    # in a process of its own, because GDCM aborts on some of the odd files
    process = multiprocessing.get_context("fork").Process(target=_write_by_gdcm, args=(path, form, target))
    process.start()
    process.join()
    return np.load(target) if target.exists() else None


def _write_by_gdcm(path: Path, form: PixelFormat, target: Path) -> None:
    import gdcm

    faulthandler.disable()  # the end of this process is no news
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return
    buffer = reader.GetImage().GetBuffer()
    if buffer is not None:
        np.save(target, _frames(buffer.encode("utf-8", errors="surrogateescape"), form))


def dcmtk_stored(path: Path, syntax: str, form: PixelFormat, folder: Path) -> NDArray[Any] | None:
    """All frames by DCMTK, or None where it cannot read the file."""
    shutil.rmtree(folder / "dcmtk", ignore_errors=True)
    (folder / "dcmtk").mkdir()
    plain = folder / "plain.dcm"
    convert = ["dcmconv", "+te"] if syntax not in DECOMPRESS else [DECOMPRESS[syntax], "+te"]
    if syntax in JPEG2000 or _fails([*convert, path, plain]) or _fails(["dcmdump", "+W", folder / "dcmtk", plain]):
        return None
    size = form.number_of_frames * form.rows * form.columns * form.bits_allocated // 8
    written = [file.read_bytes() for file in (folder / "dcmtk").iterdir()]
    whole = [raw for raw in written if size <= len(raw) <= size + 1]  # others are icons
    return _frames(whole[0][:size], form) if whole else None


def _fails(command: list[Any]) -> bool:
    return subprocess.run(command, capture_output=True).returncode != 0


def _frames(raw: bytes, form: PixelFormat) -> NDArray[Any]:
    stored = np.frombuffer(raw, f"<{'i' if form.pixel_representation else 'u'}{form.bits_allocated // 8}")
    return _used_bits(stored.reshape(form.number_of_frames, form.rows, form.columns), form)


def _used_bits(stored: NDArray[Any], form: PixelFormat) -> NDArray[np.int64]:
    """PS3.5 8.1.1 in numbers: the BitsStored bits up to HighBit, the highest of them negative where signed."""
    count = 2**form.bits_stored
    value = stored.astype(np.int64) // 2 ** (form.high_bit + 1 - form.bits_stored) % count
    return value - count * (value >= count // 2) if form.pixel_representation else value


def reference_gray(dataset: Dataset, stored: NDArray[Any], frame: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Calibrated values and display gray of one frame, pixel by pixel in float64, as PS3.3 C.11.1, C.11.2 and
    C.7.6.3 say: written for plainness, and apart from medxfer's own gray path."""
    x = stored.astype(np.float64)
    padding = _padding(dataset, stored)
    y = _modality(dataset, x, frame)
    calibrated = y.copy()
    calibrated[padding] = y[~padding].min() if (~padding).any() else 0
    gray = _voi(dataset, y, padding, frame)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        gray = 1 - gray
    gray[padding] = 0
    return calibrated, gray


def _padding(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_]:
    if dataset.get("PixelPaddingValue") is None:
        return np.zeros(stored.shape, bool)
    ends = [int(dataset.PixelPaddingValue), int(dataset.get("PixelPaddingRangeLimit", dataset.PixelPaddingValue))]
    if dataset.PixelRepresentation == 1:  # an unsigned number in place of a negative one
        ends = [end - 65536 if end > 32767 else end for end in ends]
    else:
        ends = [end + 65536 if end < 0 else end for end in ends]
    return (min(ends) <= stored) & (stored <= max(ends))


def _of_frame(dataset: Dataset, frame: int, macro: str, keyword: str) -> Any:
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = dataset.get("SharedFunctionalGroupsSequence")
    for group in ([per_frame[frame]] if per_frame else []) + ([shared[0]] if shared else []):
        if macro in group and keyword in group[macro].value[0]:
            return group[macro].value[0][keyword].value
    return dataset.get(keyword)


def _modality(dataset: Dataset, x: NDArray[Any], frame: int) -> NDArray[Any]:
    if dataset.get("ModalityLUTSequence") and dataset.ModalityLUTSequence[0].get("LUTDescriptor"):
        return _looked_up(dataset.ModalityLUTSequence[0], x)[0]
    slope = _of_frame(dataset, frame, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = _of_frame(dataset, frame, "PixelValueTransformationSequence", "RescaleIntercept")
    return x * float(1 if slope is None else slope) + float(intercept or 0)


def _looked_up(item: Dataset, x: NDArray[Any]) -> tuple[NDArray[Any], int]:
    count, first, bits = (int(v) for v in item.LUTDescriptor)
    entries = np.atleast_1d(item.LUTData) if not isinstance(item.LUTData, bytes) else np.frombuffer(item.LUTData, "<u2")
    index = np.clip(np.rint(x) - first, 0, (count or 65536) - 1).astype(int)
    return entries[index].astype(np.float64), bits


def _voi(dataset: Dataset, y: NDArray[Any], padding: NDArray[np.bool_], frame: int) -> NDArray[Any]:
    if dataset.get("VOILUTSequence") and dataset.VOILUTSequence[0].get("LUTDescriptor"):
        entries, bits = _looked_up(dataset.VOILUTSequence[0], y)
        return entries / (2**bits - 1)
    center = _of_frame(dataset, frame, "FrameVOILUTSequence", "WindowCenter")
    width = _of_frame(dataset, frame, "FrameVOILUTSequence", "WindowWidth")
    rescaled = _of_frame(dataset, frame, "PixelValueTransformationSequence", "RescaleIntercept") is not None
    if center not in (None, "") and width not in (None, ""):
        c, w = (float(np.atleast_1d(np.asarray(v, float))[0]) for v in (center, width))
        function = _of_frame(dataset, frame, "FrameVOILUTSequence", "VOILUTFunction") or "LINEAR"
    elif dataset.get("Modality") == "CT" and rescaled:
        c, w, function = 40, 400, "LINEAR"
    else:
        low, high = np.percentile(y[~padding], (1, 99), method="inverted_cdf")
        if low == high:
            low, high = y[~padding].min(), y[~padding].max()
        return np.clip((y - low) / (high - low), 0, 1) if high > low else np.zeros_like(y)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (y - c) / w))
    if function == "LINEAR_EXACT":
        return np.clip((y - c) / w + 0.5, 0, 1)
    return np.clip((y - (c - 0.5)) / (w - 1) + 0.5, 0, 1)
