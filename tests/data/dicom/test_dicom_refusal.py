"""What is refused: by its kind, in one sentence, without header text, and without a word elsewhere."""

import gzip
import pickle
import re
import traceback
from pathlib import Path

import numpy as np
import pytest
from dicom_files import codestream, dicom_dataset, functional_group, lut, save, with_codestream, write_dicom
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from medxfer.data.dicom import DicomError, inspect, read_frames, read_gray
from medxfer.data.dicom.pixels import codestream_size

PIXELS = np.random.default_rng(0).integers(0, 4096, (64, 64), np.uint16)
SECRET = "SECRET^NAME"


def refusal(path: Path, **options: bool) -> str:
    """The kind of the error that read_gray raises; `inspect` must agree wherever it refuses as well."""
    with pytest.raises(DicomError) as error:
        read_gray(path, **options)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    assert SECRET[:8] not in "".join(traceback.format_exception(error.value))  # nor by way of pydicom's own errors
    return error.value.kind


def early_refusal(path: Path) -> str:
    """The same, for what `inspect` must refuse as well, in the same words."""
    with pytest.raises(DicomError) as early:
        inspect(path)
    with pytest.raises(DicomError, match=re.escape(early.value.reason)):
        read_gray(path)
    return refusal(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.dcm"


def test_error_comes_out_of_a_worker(path: Path) -> None:
    error = pickle.loads(pickle.dumps(DicomError(path, "truncated", "it ends")))
    assert (error.path, error.kind, str(error)) == (path, "truncated", f"{path}: it ends")


def test_no_file(tmp_path: Path) -> None:
    assert early_refusal(tmp_path / "absent.dcm") == "unreadable"
    assert early_refusal(tmp_path) == "unreadable"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not DICOM"),
        (b"path,label\n" * 100, "not DICOM"),
        (bytes(128) + b"DICM", "no transfer syntax"),
        (bytes(128) + b"DICM" + bytes(4), "no transfer syntax"),
        (b"\x08\0", "no transfer syntax"),
    ],
)
def test_no_dicom(path: Path, content: bytes, kind: str) -> None:
    path.write_bytes(content)
    assert early_refusal(path) == kind


def test_an_archive_is_to_be_unpacked(path: Path) -> None:
    for begin, name in ((b"PK\x03\x04", "ZIP"), (gzip.compress(b""), "gzip"), (b"Rar!\x1a", "RAR")):
        path.write_bytes(begin + bytes(500))
        with pytest.raises(DicomError, match=f"it is a {name} archive: unpack it"):
            read_gray(path)


def test_no_transfer_syntax(path: Path) -> None:
    dicom_dataset(PIXELS).save_as(path, implicit_vr=True, little_endian=True)
    assert early_refusal(path) == "no transfer syntax"


def test_file_meta_without_preamble_is_enough(path: Path) -> None:
    write_dicom(path, PIXELS)
    path.write_bytes(path.read_bytes()[132:])
    assert (read_gray(path, window=None) == PIXELS).all()


def test_unsupported_syntax(path: Path) -> None:
    write_dicom(path, PIXELS)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    assert early_refusal(path) == "unsupported syntax"


def test_no_image(path: Path) -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID, report.PatientName = (
        "1.2.840.10008.5.1.4.1.1.88.11",
        "1.2",
        SECRET,
    )
    assert early_refusal(save(path, report)) == "no pixel data"
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    assert early_refusal(save(path, report)) == "presentation state"
    dataset = dicom_dataset(PIXELS)
    del dataset.PixelData
    assert early_refusal(save(path, dataset)) == "no pixel data"
    dataset.PixelData = b""
    assert early_refusal(save(path, dataset)) == "no pixel data"


def test_a_claim_of_60000_by_60000(path: Path) -> None:
    assert early_refusal(write_dicom(path, PIXELS, Rows=60000, Columns=60000)) == "too large"


def test_a_claim_that_fits_memory_and_not_the_file(path: Path) -> None:
    assert early_refusal(write_dicom(path, PIXELS, Rows=6000, Columns=6000)) == "truncated"
    assert early_refusal(write_dicom(path, PIXELS, NumberOfFrames=2_000_000_000)) == "truncated"


def test_a_deflated_file_that_inflates_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medxfer.data.dicom.read_header.MAX_INFLATED_BYTES", 2**20)
    write_dicom(path, np.zeros((1024, 1024), np.uint16), uid.DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 10_000
    assert early_refusal(path) == "too large"


def test_wrong_length(path: Path) -> None:
    assert early_refusal(write_dicom(path, PIXELS, Rows=32)) == "wrong length"
    dataset = dicom_dataset(PIXELS)
    dataset.PixelData += bytes(128)  # less than a frame is padding
    assert (read_gray(save(path, dataset), window=None) == PIXELS).all()


def test_what_follows_the_pixels(path: Path) -> None:
    whole = write_dicom(path, PIXELS).read_bytes()
    for more in (b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0" + bytes(4), b"\xe1\x7f\x10\0LO\2\0AB", bytes(2000), b"\n", b""):
        path.write_bytes(whole + more)
        assert (read_gray(path, window=None) == PIXELS).all()
    for damaged in (whole.replace(b"\n", b"\r\n"), whole + b"<html>error 500</html>"):
        path.write_bytes(damaged)
        assert early_refusal(path) == "wrong length"


def test_no_photometric_interpretation(path: Path) -> None:
    with pytest.raises(DicomError, match="it has no PhotometricInterpretation"):
        read_gray(write_dicom(path, PIXELS, PhotometricInterpretation=None))


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("lost", [20, 500])
def test_truncated_file(path: Path, syntax: str, lost: int) -> None:
    whole = write_dicom(path, PIXELS, syntax).read_bytes()
    path.write_bytes(whole[:-lost])
    assert early_refusal(path) == "truncated"


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=lambda syntax: syntax.name)
def test_truncated_codestream_in_a_whole_file(path: Path, syntax: str) -> None:
    dataset = dcmread(write_dicom(path, PIXELS, syntax))
    assert refusal(with_codestream(path, dataset, codestream(dataset)[:-200])) == "truncated"


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_broken_codestream(path: Path, syntax: str) -> None:
    dataset = dcmread(write_dicom(path, PIXELS, syntax))
    whole = codestream(dataset)
    for data in (
        b"\xff\xd9",
        bytes(100) + b"\xff\xd9",
        b"\xff\xd8\xff\xd9" + bytes(60),
        whole[:200] + b"\xff\xd9",
    ):
        assert refusal(with_codestream(path, dataset, data)) == "undecodable"


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_empty_codestream(path: Path, syntax: str) -> None:
    dataset = dcmread(write_dicom(path, PIXELS, syntax))
    item, end = b"\xfe\xff\x00\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
    dataset.PixelData = item + item + end  # no offsets, and a fragment of no bytes
    dataset.save_as(path)
    assert refusal(path) == "undecodable"


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=lambda syntax: syntax.name)
def test_codestream_of_another_size(path: Path, syntax: str) -> None:
    smaller = codestream(dcmread(write_dicom(path, PIXELS[:32], syntax)))
    dataset = dcmread(write_dicom(path, PIXELS, syntax))
    assert refusal(with_codestream(path, dataset, smaller)) == "undecodable"


def test_codestream_size_of_anything() -> None:
    assert codestream_size(b"") is None
    assert codestream_size(b"\xff\xd8" + b"\xff\xff\xff\xc0\0\x11\x08\0\x20\0\x40" + bytes(20)) == (32, 64)
    assert codestream_size(b"\xff\xd8\xff\xe0\0\0" * 50) is None
    assert codestream_size(b"\xff\xd8\xff") is None


@pytest.mark.parametrize(("stated", "kind"), [(1, "wrong length"), (3, "truncated")])
@pytest.mark.parametrize("table", ["basic", "none", "extended"])
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_another_number_of_frames_than_stated(path: Path, syntax: str, table: str, stated: int, kind: str) -> None:
    dataset = dcmread(write_dicom(path, np.stack([PIXELS, PIXELS.T]), syntax))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=2))
    if table == "extended":
        dataset.PixelData, offsets, lengths = encapsulate_extended(frames)
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    else:
        dataset.PixelData = encapsulate(frames, has_bot=table == "basic")
    dataset.save_as(path)
    assert [(frame == PIXELS).all() for frame in read_frames(path, None)] == [True, False]
    dataset.NumberOfFrames = stated
    dataset.save_as(path)
    assert early_refusal(path) == kind


def test_a_frame_may_lie_in_several_fragments(path: Path) -> None:
    dataset = dcmread(write_dicom(path, PIXELS, uid.JPEG2000Lossless))
    dataset.PixelData = encapsulate([codestream(dataset)], fragments_per_frame=3, has_bot=False)
    dataset.save_as(path)
    assert (read_gray(path, window=None) == PIXELS).all()


def test_no_such_frame(path: Path) -> None:
    write_dicom(path, PIXELS)
    for frame in (-1, 1):
        with pytest.raises(DicomError) as error:
            read_gray(path, frame)
        assert error.value.kind == "no such frame"


@pytest.mark.parametrize("choice", [{"voi": 2}, {"voi": "LUNG"}, {"voi": -1}])
def test_no_such_window(path: Path, choice: dict) -> None:
    write_dicom(path, PIXELS, WindowCenter=[40, 50], WindowWidth=[400, 500])
    with pytest.raises(DicomError) as error:
        read_gray(path, **choice)
    assert error.value.kind == "no such window"


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "PALETTE COLOR", "HSV", "MONOCHROME2"])
def test_not_grayscale(path: Path, photometric: str) -> None:
    samples = 1 if photometric == "PALETTE COLOR" else 3
    dataset = dicom_dataset(PIXELS, SamplesPerPixel=samples, PhotometricInterpretation=photometric)
    dataset.PixelData, dataset.PlanarConfiguration = dataset.PixelData * samples, 0
    assert early_refusal(save(path, dataset)) == "not grayscale"


def test_a_palette_image_without_a_palette(path: Path) -> None:
    write_dicom(path, PIXELS, PhotometricInterpretation="PALETTE COLOR")
    assert refusal(path, luminance=True) == "bad header"


@pytest.mark.parametrize(
    "elements",
    [
        {"PresentationIntentType": "FOR PROCESSING"},
        {"SOPClassUID": uid.DigitalXRayImageStorageForProcessing},
        {"SOPClassUID": uid.DigitalMammographyXRayImageStorageForProcessing},
    ],
)
def test_for_processing(path: Path, elements: dict) -> None:
    write_dicom(path, PIXELS, **elements)
    assert early_refusal(path) == "for processing"
    assert (read_gray(path, window=None, for_processing=True) == PIXELS).all()


@pytest.mark.parametrize(
    "elements",
    [
        {"Rows": None},
        {"Rows": 0},
        {"BitsAllocated": None},
        {"BitsAllocated": 12},
        {"BitsStored": 17},
        {"BitsStored": 0},
        {"HighBit": 16},
        {"BitsStored": 12, "HighBit": 7},
        {"PixelRepresentation": None},
        {"PixelRepresentation": 2},
        {"RescaleSlope": 0},
        {"RescaleSlope": "1e300", "RescaleIntercept": "1e300"},
        {"VOILUTSequence": [lut(0, [], 8)]},
        {"NumberOfFrames": 2, "PerFrameFunctionalGroupsSequence": [functional_group(slope=1)]},
    ],
    ids=lambda elements: " ".join(elements),
)
def test_bad_header(path: Path, elements: dict) -> None:
    pixels = np.stack([PIXELS, PIXELS]) if "NumberOfFrames" in elements else PIXELS
    write_dicom(path, pixels, **elements)
    frame = len(pixels) - 1 if "NumberOfFrames" in elements else 0
    with pytest.raises(DicomError) as error:
        read_gray(path, frame)
    assert error.value.kind == "bad header"


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter", "NumberOfFrames"])
def test_a_number_that_is_none(path: Path, keyword: str) -> None:
    write_dicom(path, PIXELS, **{keyword: 12345678, "WindowWidth": 5})
    path.write_bytes(path.read_bytes().replace(b"12345678", SECRET[:8].encode()))
    assert refusal(path) == "bad header"
