"""Score new images with a trained cell: python -m medxfer.predict cell=DIR images=… [out=table.csv] [cam=DIR]

Takes DICOM, PNG and JPEG files. The table has a row a file: its path, a score a class, the decision at the threshold
chosen on validation, or why it was refused; it is printed, or with `out` written. `cam=DIR` draws, for each image, a
picture of gray, what the network saw, and Grad-CAM of the decision. For research, not for diagnosis.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medxfer.base.errors import RESEARCH_ONLY, MedxferError, unknown

if TYPE_CHECKING:  # wrong arguments answer without torch
    from medxfer.trained.trained_cell import TrainedCell

USAGE = "usage: python -m medxfer.predict cell=DIR images=FILE-OR-FOLDER [out=table.csv] [cam=DIR]"


@dataclass(frozen=True)
class Settings:
    """What the command line says, as text."""

    cell: str
    images: str
    out: str = ""
    cam: str = ""


def predict(cell: "TrainedCell", files: list[Path]) -> pd.DataFrame:
    """A row for each image in `files`: path, score_<class> for every class, decision, refused, note.

    The images take the way of the cell's training: decoded, resized and rendered by the same functions, in batches on
    the device. A refused file has a row with neither scores nor decision, and why in `refused`. Where each frame of a
    file is an image (data.frame=all), `frame` counts them.
    """
    from medxfer.trained.scoring import score

    scores, places, refused = score(cell, files)
    names = {f"score_{name}": scores[:, index] for index, name in enumerate(cell.classes)}
    order = [*(place.file for place in places), *refused]
    read = pd.DataFrame({"frame": [place.frame for place in places], **names})
    read["decision"] = pd.Series(cell.decide(scores), dtype=object)
    table = read.reindex(range(len(order)))
    table["refused"] = [""] * len(places) + list(refused.values())
    table.insert(0, "path", [str(files[file]) for file in order])
    table = table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    if cell.config.data.get("frame") != "all":
        table = table.drop(columns="frame")
    return table.assign(note=RESEARCH_ONLY)


def main(arguments: list[str]) -> int:
    """Score what `arguments` (key=value) ask for; 1 where nothing could be, 0 where at least one image was."""
    try:
        settings = _settings(arguments)
        return _run(settings)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(settings: Settings) -> int:
    from medxfer.data.serve.new_files import find_files
    from medxfer.trained.trained_cell import open_cell

    out = _table_file(settings.out) if settings.out else None
    cell, files = open_cell(Path(settings.cell).expanduser()), find_files(Path(settings.images).expanduser())
    table = predict(cell, files)
    read = table[table["refused"] == ""]
    if settings.cam and len(read):
        from medxfer.trained.explain import explain

        table["picture"] = pd.Series(explain(cell, read, Path(settings.cam).expanduser()), index=read.index)
    if out:
        _write(table, out)
    else:
        shown = table.loc[read.index].drop(columns=["refused", "note"])
        print(shown.to_string(index=False, float_format="%.4f") if len(shown) else "no image was read")
    for row in table[table["refused"] != ""].itertuples():
        print(f"refused: {row.path}: {row.refused}", file=sys.stderr)
    where = f": {out}" if out else ""
    print(f"{len(read)} images scored, {len(table) - len(read)} files refused{where}")
    print(f"{_rule(cell)} {RESEARCH_ONLY}")
    return 0 if len(read) else 1


def _rule(cell: "TrainedCell") -> str:
    """How the decisions were made, in a sentence."""
    if cell.model.task == "multilabel":
        return "Decision: every label whose score is above 0.5."
    threshold = cell.record["threshold"]
    if cell.model.task == "multiclass" or threshold is None:
        return "Decision: the class of the highest score."
    negative, positive = cell.classes
    return f"Decision: {positive} where its score is above {threshold:.4f}, chosen on validation, else {negative}."


def _table_file(text: str) -> Path:
    out = Path(text).expanduser()
    if out.suffix.lower() != ".csv":
        raise MedxferError(f"out={text}: a table's name must end in .csv")
    if not out.parent.is_dir():
        raise MedxferError(f"out={text}: there is no folder {out.parent}")
    return out


def _write(table: pd.DataFrame, out: Path) -> None:
    try:
        table.to_csv(out, index=False)
    except OSError as error:
        raise MedxferError(f"out={out}: cannot be written ({error.strerror}); give another file") from error


def _settings(arguments: list[str]) -> Settings:
    known = Settings.__dataclass_fields__
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in known:
            raise unknown("setting", key, known, USAGE)
    if not given.get("cell") or not given.get("images"):
        raise MedxferError(USAGE)
    return Settings(**given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
