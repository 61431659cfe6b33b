"""Writes a study's folder as training would leave it, with effects that the test chooses."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf
from scipy.stats import rankdata

from medxfer.base.config import CONF

Effect = Callable[[Mapping[str, Any]], float]

RULES = {rule: OmegaConf.to_container(OmegaConf.load(CONF / "train.yaml").study[rule]) for rule in ("rq1", "rq2")}


def write_study(
    folder: Path,
    *,
    colormaps: Sequence[str] = ("none", "viridis", "inferno"),
    pretrained: Sequence[bool | str] = (True, False),
    data: Sequence[str] = ("phantom_dx",),
    backbones: Sequence[str] = ("tf_efficientnet_lite0",),
    fractions: Sequence[float] = (1.0,),
    seeds: int = 1,
    patients: int = 60,
    images_per_patient: int = 2,
    classes: int = 2,
    effect: Effect = lambda factors: 0.0,
    seed_noise: float = 0.2,
    failed: Sequence[Mapping[str, Any]] = (),
    missing: Sequence[Mapping[str, Any]] = (),
    declared: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    tuned: Mapping[str, Sequence[Any]] | None = None,
    compared: Mapping[str, Sequence[Any]] | None = None,
    modality: Mapping[str, str] | None = None,
    caveats: Sequence[str] = (),
    folds: int = 0,
    sites: Sequence[str] = (),
    command: str = "python -m medxfer.train -m colormap=none,viridis,inferno pretrained=true,false",
) -> Path:
    """`effect` adds to the class separation (2.0) of a cell; one unit is large. `compared`: levels of further factors,
    or other windows and image sizes. `folds`: a cell for each fold of patients, who are divided anew with each seed;
    `sites`: a fold for each, the same for all seeds."""
    folds, each_fold = folds or len(sites), range(folds or len(sites) or 1)
    tuned, compared = dict(tuned or {}), dict(compared or {})
    (folder / "cells").mkdir(parents=True)
    planned: dict[str, dict[str, Any]] = {}
    for values in product(
        data, colormaps, pretrained, backbones, fractions, range(seeds), each_fold, *tuned.values(), *compared.values()
    ):
        d, colormap, start, backbone, fraction, seed, fold, *extra = values
        factors = {
            "data": d, "colormap": colormap, "pretrained": start, "backbone": backbone, "window": "40/400",
            "image_size": 64, "train_fraction": fraction, "seed": seed,
            **({"fold": fold} if folds else {}), **dict(zip([*tuned, *compared], extra, strict=True)),
        }  # fmt: skip
        name = "_".join(str(value).replace("/", "-").replace(":", "-").replace("@", "-") for value in factors.values())
        planned[name] = factors
    for name, factors in planned.items():
        if _matches(factors, missing):
            continue
        cell = folder / "cells" / name
        cell.mkdir(parents=True)
        if _matches(factors, failed):
            _dump(
                cell / "failed.json",
                {"cell": name, "factors": factors, "reason": "out of <memory>", "traceback": ""},
            )
            continue
        frame = _predictions(factors, patients, images_per_patient, classes, effect(factors), seed_noise)
        frame = _of_fold(frame, factors, patients, folds, bool(sites))
        frame.to_parquet(cell / "predictions.parquet", index=False)
        kind = (modality or {}).get(factors["data"], "CT" if "ct" in factors["data"] else "DX")
        record = _record(name, factors, frame, classes, kind, list(caveats))
        if folds:
            record["data"] |= {"folds": folds, "official": True}
            record["data"] |= {"groups": "hospital", "site": sites[factors["fold"]]} if sites else {}
        _dump(cell / "metrics.json", record)
    _dump(
        folder / "study.json",
        {
            "name": folder.name,
            "settings": {"lr": 1e-3, "batch_size": 32, "trainer": {"max_epochs": 3}, **(settings or {})},
            "declared": {"metric": "balanced_accuracy", "margin": 0.01, "level": 0.95, "threshold": 0.5,
                         "tuned": list(tuned), **RULES, **(declared or {})},
            "command": command,
            "planned": planned,
        },
    )  # fmt: skip
    return folder


def records(folder: Path, cells: str = "*") -> Iterator[dict[str, Any]]:
    """The records of finished cells, which are written back as the loop leaves them."""
    for path in folder.glob(f"cells/{cells}/metrics.json"):
        record = json.loads(path.read_text())
        yield record
        path.write_text(json.dumps(record))


def scored(folder: Path, cells: str = "*") -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The same with their predictions, which are to be changed in place."""
    for path in folder.glob(f"cells/{cells}/metrics.json"):
        table = path.with_name("predictions.parquet")
        record, frame = json.loads(path.read_text()), pd.read_parquet(table)
        yield record, frame
        path.write_text(json.dumps(record))
        frame.to_parquet(table, index=False)


def several_labels(folder: Path, first: Callable[[pd.DataFrame], Any], second: Callable[[pd.DataFrame], Any]) -> None:
    """Make the study's binary task one of two labels, mass and lesion, which an image has where these are true."""
    for record, frame in scored(folder):
        record.update({"task": "multilabel", "classes": ["mass", "lesion"]})
        frame["label_0"], frame["label_1"] = first(frame).astype(int), second(frame).astype(int)
        del frame["label"]


def record_flow(folder: Path, everyone: int, **data: Any) -> Path:
    """Add to every cell what training records of its patients: `everyone` in two classes, an image each in a part."""
    for path in folder.glob("cells/*/metrics.json"):
        record = json.loads(path.read_text())
        patients = record["data"]["patients"]
        halves = {part: {"images": [n, n], "patients": [n - n // 2, n // 2]} for part, n in patients.items()}
        record["data"]["flow"] = {
            "received": {"files": 2 * everyone, "patients": everyone},
            "used": {"images": 2 * everyone, "patients": everyone},
            "by_class": halves, "people": {},
        }  # fmt: skip
        record["data"] |= {"given_test": False, "test_share": 0.2, **data}
        path.write_text(json.dumps(record))
    return folder


def _matches(factors: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> bool:
    return any(all(factors[key] == value for key, value in one.items()) for one in wanted)


def _dump(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _rng(*key: Any) -> np.random.Generator:
    return np.random.default_rng([ord(letter) for letter in "|".join(map(str, key))])


def _predictions(
    factors: Mapping[str, Any], patients: int, each: int, classes: int, effect: float, seed_noise: float
) -> pd.DataFrame:
    """Latent scores: signal, a patient's difficulty (shared by all cells), this training's own noise."""
    frames = []
    for split in ("val", "test"):
        shared = _rng(factors["data"], split, patients)
        label = np.repeat(shared.permutation(np.arange(patients) % classes), each)
        difficulty = np.repeat(shared.normal(size=(patients, classes)), each, axis=0)
        difficulty += 0.5 * shared.normal(size=difficulty.shape)
        own = _rng(*(f"{key}={value}" for key, value in factors.items() if key != "train_fraction"), split)
        signal = 2.0 + effect + seed_noise * own.normal()
        latent = signal * np.eye(classes)[label] + 1.4 * difficulty + 0.3 * own.normal(size=difficulty.shape)
        score = np.exp(latent - latent.max(axis=1, keepdims=True))
        score /= score.sum(axis=1, keepdims=True)
        index = np.arange(patients * each)
        frames.append(
            pd.DataFrame(
                {
                    "image": [f"{split}-i{i:04d}" for i in index],
                    "patient": [f"{split}-p{i // each:04d}" for i in index],
                    "split": split,
                    "label": label,
                    **{f"score_{c}": score[:, c] for c in range(classes)},
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _of_fold(frame: pd.DataFrame, factors: Mapping[str, Any], patients: int, folds: int, fixed: bool) -> pd.DataFrame:
    """The predictions of a cell that tests one fold; folds have as many patients of each class, but for one."""
    if not folds:
        return frame
    order = _rng(factors["data"], "division", "all" if fixed else factors["seed"]).permutation(patients)
    test = frame[frame["split"] == "test"].drop_duplicates("patient").set_index("patient")["label"]
    by_class = test.iloc[order].sort_values(kind="stable").index
    here = set(by_class[factors["fold"] :: folds])
    return frame[(frame["split"] != "test") | frame["patient"].isin(here)].reset_index(drop=True)


def _threshold(score: np.ndarray, positive: np.ndarray) -> float:
    """Between the two scores where sensitivity + specificity is highest."""
    found = np.unique(score)
    cuts = (found[1:] + found[:-1]) / 2
    called = score > cuts[:, None]
    return float(cuts[(called[:, positive].mean(axis=1) - called[:, ~positive].mean(axis=1)).argmax()])


def _auroc(score: np.ndarray, positive: np.ndarray) -> float:
    ranks, n = rankdata(score)[positive], positive.sum()
    return float((ranks.sum() - n * (n + 1) / 2) / (n * (~positive).sum()))


def _record(
    name: str,
    factors: Mapping[str, Any],
    frame: pd.DataFrame,
    classes: int,
    modality: str,
    caveats: list[str],
) -> dict[str, Any]:
    metrics: dict[str, float] = {}
    for split, part in frame.groupby("split"):
        scores = part[[f"score_{c}" for c in range(classes)]].to_numpy()
        label = part["label"].to_numpy()
        hit = scores.argmax(axis=1) == label
        metrics |= {
            f"{split}/accuracy": float(hit.mean()),
            f"{split}/balanced_accuracy": float(np.mean([hit[label == c].mean() for c in range(classes)])),
            f"{split}/auroc": float(np.mean([_auroc(scores[:, c], label == c) for c in range(classes)])),
        }
    counts = {
        "train": round(200 * factors["train_fraction"]),
        "val": int((frame["split"] == "val").sum()),
        "test": int((frame["split"] == "test").sum()),
    }
    epochs = [{"epoch": e, "train/loss": 0.7 / (e + 1), "val/loss": 0.8 / (e + 1)} for e in range(3)]
    pretrained, val = factors["pretrained"], frame[frame["split"] == "val"]
    threshold = _threshold(val["score_1"].to_numpy(), val["label"].to_numpy() == 1) if classes == 2 else None
    return {
        "cell": name, "factors": dict(factors), "task": "binary" if classes == 2 else "multiclass",
        "classes": ["no lesion", "lesion"] if classes == 2 else [f"class {c}" for c in range(classes)],
        "metrics": metrics, "undefined": {}, "threshold": threshold, "epochs": epochs, "best_epoch": 2,
        "data": {"name": factors["data"], "fingerprint": f"{factors['data']}-0123456789abcdef",
                 "modality": modality,
                 "images": counts, "patients": {split: n // 2 for split, n in counts.items()},
                 "rejected": {"no pixel data": 2}, "caveats": caveats, "resampled": False},
        "weights": {"source": "packaged", "file": "efficientnet_lite0-57934424.pth",
                    "sha256": "57934424" + "0" * 56,
                    "licence": "Apache-2.0", "tag": "in1k", "trained_on": "ImageNet-1k",
                    "missing": [], "unexpected": []} if pretrained is True else None,
        "timings": {"fit_s": 12.5, "test_s": 0.7, "total_s": 13.4},
        "versions": {"python": "3.11.9", "torch": "2.14.1", "medxfer": "0.1.0"},
        "machine": {"cpu": "x86_64", "cores": 2},
    }  # fmt: skip
