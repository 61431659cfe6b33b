"""How a study was made: command, settings, data, weights, versions, machine, time and caveats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.related import flat
from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.base import words
from medxfer.base.words import count


@dataclass(frozen=True)
class Group:
    title: str
    code: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()


def groups(study: StudyRecord) -> list[Group]:
    """The page's last section, from the records alone; empty groups are left out."""
    records = [cell.record for cell in study.done]
    everything = [
        Group("Command", code=study.command),
        Group("Declared before the first cell ran", facts=_facts(vars(study.declared))),
        Group("Caveats", text=tuple(caveats(study))),
        Group("Not done", text=tuple(describe(cell) for cell in study.unfinished)),
        *(_data(name, data) for name, data in _distinct((r["data"] for r in records), "name").items()),
        *(_weights(weights) for weights in _different(r["weights"] for r in records if r.get("weights"))),
        Group("Settings shared by all cells", facts=_facts(flat(study.settings))),
        Group("Versions", facts=_differing(records, "versions")),
        Group("Machine and time", facts=(*_differing(records, "machine"), *_time(records))),
    ]  # fmt: skip
    return [group for group in everything if group.code or group.facts or group.text]


def caveats(study: StudyRecord) -> list[str]:
    """What the data sets' readers say must be known before the answers are used, each once."""
    said = [f"{cell.record['data']['name']}: {text}" for cell in study.done for text in cell.record["data"]["caveats"]]
    return list(dict.fromkeys(said))


def describe(cell: Cell) -> str:
    """A cell that is not done, by its factors, with the reason."""
    return f"{words.describe(cell.factors)}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")


def _data(name: str, data: Mapping[str, Any]) -> Group:
    sizes = [
        (split, f"{count(images, 'image')} of {count(data['patients'][split], 'patient')}")
        for split, images in data["images"].items()
    ]
    rejected = [(f"left out: {reason}", count(n, "file")) for reason, n in data["rejected"].items()]
    drawn = "train and val redrawn with each seed, test fixed" if data["resampled"] else "fixed for all trainings"
    return Group(
        f"Data: {name}",
        facts=(
            ("modality", data["modality"]), *sizes, ("split", drawn), *rejected,
            ("fingerprint", data["fingerprint"]),
        ),
    )  # fmt: skip


def _weights(weights: Mapping[str, Any]) -> Group:
    shown = {key: value for key, value in weights.items() if key != "file" and value not in ([], None)}
    return Group(f"Weights: {weights['file']}", facts=_facts(shown))


def _time(records: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    seconds = sum(record["timings"]["total_s"] for record in records)
    return (("training and testing, all cells", f"{seconds / 60:.1f} minutes"),)


def _differing(records: Iterable[Mapping[str, Any]], key: str) -> tuple[tuple[str, str], ...]:
    """Every value that the cells ran with, so that a study made on two machines shows both."""
    values: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.get(key, {}).items():
            values.setdefault(name, {})[str(value)] = None
    return tuple((name, ", ".join(found)) for name, found in values.items())


def _distinct(items: Iterable[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    return {str(item[key]): item for item in items}


def _different(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each once: one file may fill different stages."""
    return list({str(item): item for item in items}.values())


def _facts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
