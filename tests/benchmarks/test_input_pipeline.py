"""Images a second, ready for the network on its device, and what is left of a training loop's speed with them."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import torch
from measure import compare, in_turns, ratios
from PIL import Image
from pipeline import BATCH, Loop, batches, forever, store_of
from pydicom.uid import JPEG2000Lossless
from scale import LONG_ONLY, ROUNDS

from medxfer.data.phantom import write_phantoms
from medxfer.data.store.gray_store import GrayStore

sys.path.append(str(Path(__file__).parent / "peers"))  # its scripts import each other by name

pytestmark = pytest.mark.benchmark

PATIENTS = 160
FORMATS = ("DICOM, 16 bits", "DICOM, JPEG 2000", "PNG, 8 bits")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same phantoms, 512 px, in three formats, each with labels.csv and the peers' table.csv."""
    root = tmp_path_factory.mktemp("formats")
    made = {name: root / str(number) for number, name in enumerate(FORMATS)}
    write_phantoms(made[FORMATS[0]], "DX", patients=PATIENTS, images=1, seed=0, size=512)
    labels = pd.read_csv(made[FORMATS[0]] / "labels.csv")
    for name in FORMATS[1:]:
        made[name].mkdir()
        for file in labels["path"]:
            dataset = pydicom.dcmread(made[FORMATS[0]] / file)
            if name == "PNG, 8 bits":
                gray = (dataset.pixel_array / 4095 * 255).astype(np.uint8)
                Image.fromarray(gray).save(made[name] / file.replace(".dcm", ".png"))
            else:
                dataset.compress(JPEG2000Lossless)
                dataset.save_as(made[name] / file)
    for name, folder in made.items():
        table = labels.assign(path=labels["path"].str.replace(".dcm", ".png" if name == "PNG, 8 bits" else ".dcm"))
        table.to_csv(folder / "labels.csv", index=False)
        codes = (table["label"] == sorted(set(table["label"]))[1]).astype(int)
        peers = pd.DataFrame({"path": [str(folder / file) for file in table["path"]], "label": codes, "part": "train"})
        peers.to_csv(folder / "table.csv", index=False)
    return made


def consume(epoch: Iterator) -> int:
    return sum(len(batch[1]) for batch in epoch)


@pytest.mark.parametrize("size", [pytest.param(64, marks=LONG_ONLY), 224, pytest.param(512, marks=LONG_ONLY)])
@pytest.mark.parametrize("form", [FORMATS[0], pytest.param(FORMATS[1], marks=LONG_ONLY), FORMATS[2]])
def test_an_epoch_of_images_beside_the_peers(folders: dict[str, Path], form: str, size: int, tmp_path: Path) -> None:
    """First epochs start from the files, later ones from what each side keeps; (c) loads as (a) does."""
    monai_grid = pytest.importorskip("monai_grid", exc_type=ImportError)
    xray_vision = pytest.importorskip("xray_vision", exc_type=ImportError)
    import student

    monai_grid.md.set_track_meta(False)
    table, numbers = folders[form] / "table.csv", count()
    options = Namespace(table=table, size=size, batch=BATCH)
    later: dict[str, Callable[[], Iterator]] = {}

    def ours() -> int:
        later["medxfer"] = batches(store_of(folders[form], size, tmp_path / f"store{next(numbers)}"))
        return consume(later["medxfer"]())

    def script() -> int:
        images = student.Images(table, "train", "viridis", size)
        loader = torch.utils.data.DataLoader(images, BATCH, shuffle=True, num_workers=2, persistent_workers=True)
        later["(a) script"] = lambda: iter(loader)
        return consume(later["(a) script"]())

    def monai() -> int:
        loader = monai_grid.loader(monai_grid.cached(options, "train"), "train", "viridis", BATCH)
        later["(b) MONAI"] = lambda: iter(loader)
        return consume(later["(b) MONAI"]())

    def gray_only() -> int:
        images = xray_vision.Images(table, "train", size)
        loader = torch.utils.data.DataLoader(images, BATCH, shuffle=True, num_workers=2, persistent_workers=True)
        later["torchxrayvision, gray"] = lambda: iter(loader)
        return consume(later["torchxrayvision, gray"]())

    first = {"medxfer": ours, "(a) script": script, "(b) MONAI": monai, "torchxrayvision, gray": gray_only}
    name = f"{form}, {PATIENTS} × {size} px"
    assert [call() for call in first.values()] == [PATIENTS, PATIENTS, PATIENTS // BATCH * BATCH, PATIENTS]
    compare(f"first epoch, {name}", in_turns(first, ROUNDS), "medxfer", {})
    ratios(f"later epochs, {name}", {side: lambda s=side: consume(later[s]()) for side in first}, "medxfer", {}, ROUNDS)


@pytest.mark.parametrize(
    ("network", "size", "steps"),
    [("tf_efficientnet_lite0", 64, 16), pytest.param("tf_efficientnet_lite0", 224, 3, marks=LONG_ONLY),
     ("test_efficientnet", 64, 32)],
)  # fmt: skip
def test_training_on_images_beside_training_on_one_synthetic_batch(
    folders: dict[str, Path], network: str, size: int, steps: int, tmp_path: Path
) -> None:
    """Resident: the decoded images copied into memory; map: read from the file as they are asked for.

    The synthetic batch costs no augmentation, so one source leaves it out as well.
    """
    store = store_of(folders["DICOM, 16 bits"], size, tmp_path)
    resident = GrayStore(**{**vars(store), "gray": np.array(store.gray)})  # type: ignore[arg-type]
    sources = {"map": forever(store), "resident": forever(resident), "map, not augmented": forever(store, BATCH, False)}
    calls = Loop(network).beside_synthetic(sources, steps)
    name = f"{network}, {steps} × {BATCH} × {size} px"
    ratios(name, calls, "synthetic", dict.fromkeys(sources, "at most 1.0204 (98 % of its throughput)"), ROUNDS)
