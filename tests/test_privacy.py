"""What identifies a patient stays in the store: every byte that a study leaves is searched for what was planted."""

import base64
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from commands import train
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from medxfer.data.dicom import silence

NAME = "QZXPLANTED"  # also short enough for a CS, an AE or an SH
DIGITS = "73019284655"  # of UIDs and numbers
MARKS = (NAME.encode(), DIGITS.encode())
# What each VR that holds text is given; numbers, dates and times hold nothing but digits.
PLANTED = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), NAME),
    "PN": f"{NAME}^JANE",
    "UI": f"1.2.{DIGITS}",
    **dict.fromkeys(("AS", "DA", "DS", "DT", "IS", "TM"), DIGITS),
}
# Without these it would be no grayscale image, or no image that one may learn from.
READ = {
    "SOPClassUID", "Modality", "PhotometricInterpretation", "PresentationIntentType", "NumberOfFrames", "RescaleSlope",
    "RescaleIntercept", "WindowCenter", "WindowWidth", "BurnedInAnnotation", "ImagePositionPatient",
    "ImageOrientationPatient", "InstanceNumber", "SpecificCharacterSet",
}  # fmt: skip


def planted_dataset(pixels: np.ndarray, patient: int, burned_in: bool) -> Dataset:
    """Every text attribute of the data dictionary at the top, in a sequence, in a private block and in file meta."""
    dataset, item = Dataset(), Dataset()
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if vr in PLANTED and keyword and not retired and keyword not in READ and tag >> 16 > 0x0002:
            for place in (dataset, item):
                place.add_new(tag, vr, PLANTED[vr])
    dataset.RequestAttributesSequence = Sequence([item])
    for group in (0x0009, 0x0011):
        block = dataset.private_block(group, NAME, create=True)
        for element, (vr, value) in enumerate(PLANTED.items()):
            block.add_new(element, vr, value)
    dataset.PatientID = f"{NAME}{patient}"
    dataset.SOPClassUID, dataset.Modality = SecondaryCaptureImageStorage, "DX"
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.BurnedInAnnotation = "YES" if burned_in else "NO"
    dataset.PixelData = pixels.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationVersionName = NAME
    dataset.file_meta.SourceApplicationEntityTitle = NAME
    return dataset


def plant(root: Path) -> None:
    """DICOM files of 20 patients under names that name them; one file is none, one is missing."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True)
    rows = []
    for i in range(40):
        name = f"{NAME} Jane {i // 2}/{NAME}{i}.dcm"
        (root / name).parent.mkdir(exist_ok=True)
        dataset = planted_dataset(rng.integers(0, 256, (32, 32), np.uint8), i // 2, burned_in=i % 4 == 0)
        dataset.save_as(root / name, enforce_file_format=True)
        rows.append((name, "ab"[i // 2 % 2], f"{NAME}{i // 2}"))
    (root / rows[7][0]).write_bytes(b"no DICOM: " + NAME.encode())
    (root / rows[9][0]).unlink()
    table = pd.DataFrame(rows, columns=["path", "label", "patient_id"])
    table.to_csv(root / f"{NAME}.csv", index=False)
    twice = table.head(1).assign(label="b")
    pd.concat([table, twice]).to_csv(root / f"{NAME}-two-labels.csv", index=False)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The folder in which a study was made, after a table that was refused; the data; and what was said aloud."""
    folder = tmp_path_factory.mktemp("privacy")
    root = folder / "in" / f"{NAME} clinic"
    with silence():
        plant(root)
    work = folder / "work"
    work.mkdir()
    refused, done = (train(
        work, "-m", "data=dicom", f"data.root='{root}'", f"data.labels='{root}/{NAME}{end}.csv'",
         "colormap=none,viridis", "pretrained=false", "backbone=test_efficientnet", "image_size=32", "batch_size=8",
         "trainer.max_epochs=1", "report.images=true", f"store.root={folder / 'cache'}",
        WANDB_MODE="offline",
    ) for end in ("-two-labels", ""))  # fmt: skip
    assert refused.returncode == 1
    assert "RQ1" in done.stdout, done.stderr
    return work, root, refused.stdout + refused.stderr + done.stdout + done.stderr


def contents(data: bytes) -> Iterator[bytes]:
    """`data`, and what is packed in it."""
    yield data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from contents(archive.read(name))
    if data[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(data))
        yield str(table.schema).encode() + repr(table.schema.metadata).encode()
        yield repr(table.to_pydict()).encode()
    if data[:4] == b":W&B":  # a log in blocks, each record with a header that may cut a word in two
        yield b"".join(data[start : start + 2**15][7:] for start in range(0, len(data), 2**15))
    for packed in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data):
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            yield inflater.decompress(data[packed.start() :])
        except zlib.error:
            continue  # two bytes that looked like it
    for text in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield from contents(base64.b64decode(text))


def found(data: bytes, marks: tuple[bytes, ...] = MARKS) -> list[bytes]:
    """The `marks` that occur, in any case, also as UTF-16."""
    flat = [part.lower() for part in contents(data)]
    forms = {mark: (mark.lower(), mark.lower().decode().encode("utf-16-le")) for mark in marks}
    return [mark for mark, either in forms.items() if any(form in part for form in either for part in flat)]


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    text = f"before {NAME} after".encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.pkl", text)
    pd.DataFrame({"a": [text.decode()] * 100}).to_parquet(tmp_path / "a.parquet", compression="zstd")
    cut = b":W&B" + bytes(2**15 - 4 - 12) + text[:12] + b"\1\2\3\4\5\6\7" + text[12:]
    page = b'<img src="data:image/png;base64,' + base64.b64encode(zlib.compress(text)) + b'">'
    for hidden in (
        text.lower(),
        archive.getvalue(),
        (tmp_path / "a.parquet").read_bytes(),
        cut,
        page,
        NAME.encode("utf-16"),
    ):
        assert found(hidden) == [NAME.encode()]
    assert found(b"nothing") == []


def test_a_study_holds_nothing_of_what_identifies_a_patient(left: tuple[Path, Path, str]) -> None:
    work, *_ = left
    names = [path.relative_to(work).as_posix() for path in files(work)]
    kinds = {Path(name).suffix for name in names}
    assert {".wandb", ".parquet", ".json", ".html", ".csv", ".ckpt", ".yaml", ".log"} <= kinds
    assert [name for name in names if found(name.encode())] == []
    assert {path.name: marks for path in files(work) if (marks := found(path.read_bytes()))} == {}


def test_pseudonyms_are_no_hash_that_a_list_of_names_would_give_back(left: tuple[Path, Path, str]) -> None:
    work, *_ = left
    guesses = [f"{NAME}{patient}" for patient in range(20)] + [f"{NAME} Jane 0/{NAME}0.dcm", f"{NAME}0.dcm"]
    hashes = tuple(
        hashlib.new(kind, guess.encode()).hexdigest()[:8].encode()
        for kind in ("md5", "sha1", "sha256", "blake2b")
        for guess in guesses
    )
    tables = [path for path in files(work) if path.suffix in (".parquet", ".csv", ".json", ".html")]
    assert {path.name: marks for path in tables if (marks := found(path.read_bytes(), hashes))} == {}


def test_the_terminal_says_nothing_of_a_header(left: tuple[Path, Path, str]) -> None:
    aloud = left[2].replace("\n", "")
    # Paths, in an error, and in the warning that shows one of the table beside one of the folder.
    aloud = re.sub(rf"{NAME}(-two-labels)?\.csv|{NAME} Jane \d+/{NAME}\d+\.dcm|{NAME} clinic", "", aloud)
    assert found(aloud.encode()) == []


def test_the_store_is_where_the_names_are(left: tuple[Path, Path, str]) -> None:
    """Else the test would look for what nobody wrote down."""
    stores = left[0].parent / "cache"
    assert any(found(path.read_bytes()) for path in files(stores) if path.name == "files.csv")
