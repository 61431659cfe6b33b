"""How a study was made: command, settings, data, weights, versions, machine, time and caveats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.base.words import count, describe

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    title: str
    code: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()


def provenance(study: StudyRecord) -> list[Facts]:
    """The page's last section, from the records alone; parts without content are left out."""
    records = [cell.record for cell in study.done]
    data = {str(record["data"]["name"]): record["data"] for record in records}
    weights = {str(record["weights"]): record["weights"] for record in records if record.get("weights")}
    minutes = sum(record["timings"]["total_s"] for record in records) / 60
    everything = [
        Facts("Command", code=study.command),
        Facts("Declared before the first cell ran", pairs=_pairs(vars(study.declared))),
        Facts("Caveats", text=caveats(study)),
        Facts("Withdrawn", text=tuple(f"{what}: {reason}" for what, reason in study.withdrawn)),
        Facts("Not done", text=tuple(map(not_done, study.unfinished))),
        *(Facts(f"Data: {name}", pairs=_data(record)) for name, record in data.items()),
        *(Facts(f"Weights: {w['file']}", pairs=_weights(w)) for w in weights.values()),
        Facts("Settings shared by all cells", pairs=_pairs(flat(study.settings))),
        Facts("Versions", pairs=_differing(records, "versions")),
        Facts(
            "Machine and time",
            pairs=(*_differing(records, "machine"), ("training and testing, all cells", f"{minutes:.1f} minutes")),
        ),
    ]
    return [facts for facts in everything if facts.code or facts.pairs or facts.text]


def caveats(study: StudyRecord) -> tuple[str, ...]:
    """What must be known of the data before the answers are used, each once."""
    same = [
        f"{' and '.join(names)} are the same files and labels: their patients are counted once for each name, which "
        "makes intervals too narrow"
        for names in study.same_files
    ]
    said = [f"{cell.record['data']['name']}: {text}" for cell in study.done for text in cell.record["data"]["caveats"]]
    return tuple(dict.fromkeys([*same, *said]))


def not_done(cell: CellRecord) -> str:
    """A cell that is not done, by its factors, with the reason."""
    return f"{describe(cell.factors)}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")


def _data(data: Record) -> tuple[tuple[str, str], ...]:
    sizes = [
        (split, f"{count(images, 'image')} of {count(data['patients'][split], 'patient')}")
        for split, images in data["images"].items()
    ]
    rejected = [(f"left out: {reason}", count(n, "file")) for reason, n in data["rejected"].items()]
    drawn = "train and val redrawn with each seed, test fixed" if data["resampled"] else "fixed for all trainings"
    return ("modality", data["modality"]), *sizes, ("split", drawn), *rejected, ("fingerprint", data["fingerprint"])


def _weights(weights: Record) -> tuple[tuple[str, str], ...]:
    return _pairs({key: value for key, value in weights.items() if key != "file" and value not in ([], None)})


def _differing(records: Iterable[Record], key: str) -> tuple[tuple[str, str], ...]:
    """Every value that the cells ran with, so that a study made on two machines shows both."""
    values: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.get(key, {}).items():
            values.setdefault(name, {})[str(value)] = None
    return tuple((name, ", ".join(found)) for name, found in values.items())


def _pairs(values: Record) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
