"""Stored and calibrated values, frames, colour and the header, on small files, trap by trap."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import dicom_dataset, functional_group, lut, save, write_dicom
from pydicom import config, uid
from pydicom.pixels import get_decoder

from medxfer.data.dicom import DicomError, describe, inspect, read_frames, read_gray
from medxfer.data.dicom.pixels import DECODERS
from medxfer.data.header_facts import HeaderFacts

RAMP12 = np.arange(4096, dtype=np.uint16).reshape(64, 64)
TWELVE_BITS = {"BitsStored": 12, "HighBit": 11}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.dcm"


def close(actual: np.ndarray, expected: Any) -> bool:
    return actual.dtype == np.float32 and np.allclose(actual, expected, rtol=1e-6, atol=1e-7)


# --- stored values ---


def test_overlays_in_unused_bits_are_no_part_of_the_value(path: Path) -> None:
    write_dicom(path, RAMP12 | 0xA000, **TWELVE_BITS)
    assert (read_gray(path, window=None) == RAMP12).all()


def test_high_bit_says_where_the_value_lies(path: Path) -> None:
    write_dicom(path, RAMP12 << 4 | 0x5, BitsStored=12, HighBit=15)
    assert (read_gray(path, window=None) == RAMP12).all()


def test_sign_is_that_of_the_stored_bits(path: Path) -> None:
    write_dicom(path, RAMP12, **TWELVE_BITS, PixelRepresentation=1)
    expected = RAMP12.astype(int)
    assert (read_gray(path, window=None) == np.where(expected > 2047, expected - 4096, expected)).all()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_every_width(path: Path, dtype: str) -> None:
    pixels = (np.arange(35).reshape(5, 7) * 7 - (100 if dtype[0] != "u" else 0)).astype(dtype)
    write_dicom(path, pixels)
    assert (read_gray(path, window=None) == pixels.astype(np.float32)).all()


@pytest.mark.parametrize("start", [2**53 - 8, 2**60, 2**63 - 8, 2**64 - 36, -(2**63)])
@pytest.mark.parametrize("step", [1, 2**20])
def test_whole_numbers_that_no_float_tells_apart(path: Path, start: int, step: int) -> None:
    """64 bits: to the last bit in float32, and dark to bright in the display."""
    whole = [start - step * place if start > 2**63 else start + step * place for place in range(35)]
    pixels = np.array(whole, np.int64 if start < 2**63 - 36 * 2**20 else np.uint64).reshape(5, 7)
    write_dicom(path, pixels)
    assert (read_gray(path, window=None) == pixels.astype(np.float64).astype(np.float32)).all()
    gray = read_gray(path)
    assert np.isfinite(gray).all()
    assert (np.diff(gray.ravel()) * (1 if start <= 2**63 else -1) >= 0).all()
    assert gray.max() == (1 if len(set(map(float, whole))) > 1 else 0)


@pytest.mark.parametrize(
    ("slope", "intercept", "said"),
    [
        ("1e35", "0", "larger than a float32"),
        ("1e400", "0", "RescaleSlope is not a number"),
        ("inf", "0", "RescaleSlope is not a number"),
        ("nan", "0", "RescaleSlope is not a number"),
        ("1", "-1e300", "larger than a float32"),
        ("1", "-inf", "RescaleIntercept is not a number"),
        ("1e308", "-1e308", "larger than a float32"),
    ],
)
@pytest.mark.parametrize("window", ["auto", None, (40, 400)])
def test_a_rescale_that_no_value_can_have_is_refused(
    path: Path, slope: str, intercept: str, said: str, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    dataset = dicom_dataset(RAMP12)
    dataset.add_new("RescaleSlope", "LO", slope)
    dataset.add_new("RescaleIntercept", "LO", intercept)
    with pytest.raises(DicomError, match=said):
        read_gray(save(path, dataset), window=window)


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_syntaxes_agree(path: Path, syntax: str, signed: bool) -> None:
    pixels = RAMP12.astype(np.int16) - 2048 if signed else RAMP12
    stored = pixels if syntax in (uid.JPEG2000Lossless, uid.JPEGLSLossless) else pixels & 0xFFF
    write_dicom(path, stored.astype(pixels.dtype), syntax, **TWELVE_BITS)
    assert (read_gray(path, window=None) == pixels).all()


def test_every_compressed_syntax_has_its_decoder() -> None:
    for syntax, plugin in DECODERS.items():
        assert plugin in get_decoder(syntax).available_plugins, syntax.name


def test_one_bit(path: Path) -> None:
    pixels = np.arange(128, dtype=np.uint8).reshape(8, 16) % 3 == 0
    dataset = dicom_dataset(np.zeros((8, 16), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    dataset.PixelData = np.packbits(pixels, bitorder="little").tobytes()
    assert (read_gray(save(path, dataset)) == pixels).all()


def test_twelve_bits_keep_their_4096_levels(path: Path) -> None:
    write_dicom(path, RAMP12, **TWELVE_BITS, WindowCenter=2048, WindowWidth=4096)
    assert len(np.unique(read_gray(path))) == 4096


# --- modality ---


def test_rescale(path: Path) -> None:
    write_dicom(path, RAMP12, RescaleSlope="1.000244", RescaleIntercept="-1024")
    assert close(read_gray(path, window=None), RAMP12 * 1.000244 - 1024)


def test_negative_slope_turns_the_image_over(path: Path) -> None:
    write_dicom(path, RAMP12, RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2048, WindowWidth=4096)
    assert close(read_gray(path), (4095 - RAMP12.astype(float)) / 4095)


def test_modality_table_goes_before_rescale(path: Path) -> None:
    table = lut(first=10, entries=list(range(0, 8000, 2)), bits=16)
    write_dicom(path, RAMP12, ModalityLUTSequence=[table], RescaleSlope=5)
    assert (read_gray(path, window=None) == np.clip(RAMP12.astype(int) - 10, 0, 3999) * 2).all()


@pytest.mark.parametrize(("vr", "first"), [("SS", -2048), ("US", 63488)])
def test_modality_table_of_signed_inputs(path: Path, vr: str, first: int) -> None:
    pixels = RAMP12.astype(np.int16) - 2048
    table = lut(first, entries=list(range(4096)), bits=12, vr=vr)
    write_dicom(path, pixels, ModalityLUTSequence=[table])
    assert (read_gray(path, window=None) == RAMP12).all()


# --- frames ---


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEG2000Lossless], ids=lambda s: s.name
)
def test_functional_groups_of_each_frame(path: Path, syntax: str) -> None:
    frames = np.stack([RAMP12, RAMP12[::-1], RAMP12.T])
    write_dicom(
        path,
        frames,
        syntax,
        Modality="CT",
        SharedFunctionalGroupsSequence=[functional_group(slope=2, intercept=-1024, window=(0, 1000))],
        PerFrameFunctionalGroupsSequence=[
            functional_group(),
            functional_group(slope=3, intercept=5),
            functional_group(window=(100, 50)),
        ],
    )
    assert (read_gray(path, 0, None) == frames[0].astype(int) * 2 - 1024).all()
    assert (read_gray(path, 1, None) == frames[1].astype(int) * 3 + 5).all()
    assert (read_gray(path, 1) == read_gray(path, 1, (0, 1000))).all()
    assert (read_gray(path, 2) == read_gray(path, 2, (100, 50))).all()
    for i, gray in enumerate(read_frames(path)):
        assert (gray == read_gray(path, i)).all()
    assert i == 2


def test_frames_of_odd_length(path: Path) -> None:
    frames = np.arange(3 * 3 * 5, dtype=np.uint8).reshape(3, 3, 5)
    write_dicom(path, frames)
    assert (np.stack(list(read_frames(path, window=None))) == frames).all()


# --- colour, by option only ---


def test_luminance(path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    dataset = dicom_dataset(rgb[..., 0], SamplesPerPixel=3, PhotometricInterpretation="RGB")
    dataset.PlanarConfiguration, dataset.PixelData = 0, rgb.tobytes()
    save(path, dataset)
    y = rgb @ [0.299, 0.587, 0.114]
    assert close(read_gray(path, luminance=True), y / 255)
    assert close(read_gray(path, window=None, luminance=True), y)


def test_luminance_of_a_palette(path: Path) -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    dataset = dicom_dataset(pixels, PhotometricInterpretation="PALETTE COLOR")
    for color in ("Red", "Green", "Blue"):
        setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [16, 0, 8])
        setattr(dataset, f"{color}PaletteColorLookupTableData", bytes(range(0, 160, 10)))
    save(path, dataset)
    assert close(read_gray(path, luminance=True), pixels * 10 / 255)


# --- header ---


def test_inspect(path: Path) -> None:
    write_dicom(
        path,
        np.stack([RAMP12, RAMP12]),
        **TWELVE_BITS,
        Modality="CT",
        PatientID="P1",
        Manufacturer="ACME",
        SeriesInstanceUID="1.2.3",
        ImagePositionPatient=[-100, -100, 42.5],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )
    info = inspect(path)
    assert (info.modality, info.manufacturer, info.series) == ("CT", "ACME", "1.2.3")
    assert (info.size, info.frames, info.bits) == ("64×64", 2, "12")
    assert (info.patient, info.position, info.caveats) == ("P1", 42.5, ())
    assert "P1" not in repr(info)


def test_what_is_refused_is_described_nonetheless(path: Path) -> None:
    names = {"StudyInstanceUID": "1.2.1", "SOPInstanceUID": "1.2.3", "AccessionNumber": "A7", "PatientID": "P1"}
    kind = {"ImageType": ["DERIVED", "PRIMARY"], "BodyPartExamined": "CHEST", "SeriesDescription": "Dose of P1"}
    write_dicom(path, RAMP12, **TWELVE_BITS, **names, **kind, StudyDate="20260102", StudyTime="101112.5", Modality="SR")
    facts = describe(path)
    assert facts == inspect(path)
    assert (facts.study, facts.instance, facts.accession, facts.studied) == ("1.2.1", "1.2.3", "A7", "20260102101112")
    assert (facts.sop_class, facts.image_type) == ("Secondary Capture Image Storage", "DERIVED/PRIMARY")
    assert (facts.body_part, facts.series_description, facts.burned_in) == ("CHEST", "Dose of P1", "unsaid")
    assert not any(private in repr(facts) for private in ("P1", "A7", "1.2", "2026"))
    write_dicom(path, RAMP12, **TWELVE_BITS, **names, **kind, PixelData=None, BurnedInAnnotation="YES", Modality="SR")
    report = describe(path)
    assert (report.unreadable, report.modality, report.patient) == ("no pixel data", "SR", "P1")
    assert report.burned_in == "yes"
    with pytest.raises(DicomError):
        inspect(path)
    path.write_bytes(b"")
    assert describe(path) == HeaderFacts("", burned_in="unsaid", unreadable="empty")
