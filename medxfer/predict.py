"""Score new DICOM, PNG, JPEG and NIfTI files with a trained cell.

The table has a row a file, or a slice of a NIfTI volume: its path, a score a class, the decision at the threshold
chosen on validation, in what it is unlike the images of the training (modality, gray, size), or why it was refused.
Where the cell scores series (data.score=mean, max), it has a row a series. What the training's data set leaves out by
rule (localizers, SR, SEG, copies, slices that data.slices does not take) is left out of a folder too, and counted; a
file that is named by itself is scored. For research, not for diagnosis.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import RESEARCH_ONLY, MedxferError
from medxfer.base.kinds import CELL, TABLE, Text
from medxfer.base.words import count
from medxfer.data.sources.left_out import BY_RULE

SHOWN = 3  # files of each reason that the terminal names; the table has all


@dataclass(frozen=True)
class Settings:
    cell: Path = setting("the trained cell", shown="DIR", takes=CELL)
    images: Path = setting(
        "what is scored",
        shown="FILE-OR-FOLDER",
        takes=Text("a file, or a folder with all that is below it"),
    )
    out: Path | None = setting("where the table goes; without it, it is printed", None, shown="table.csv", takes=TABLE)
    cam: Path | None = setting(
        "where pictures go of gray, what the network saw, and Grad-CAM of the decision (medxfer[explain])", None,
        shown="DIR", takes=Text("a folder"),
    )  # fmt: skip
    slices: Path | None = setting(
        "where the scores of slices go, with the decision on their series, if the cell scores series", None,
        shown="slices.csv", takes=TABLE,
    )  # fmt: skip


COMMAND = Command("python -m medxfer.predict", __doc__, Settings)


def score(given: Settings) -> None:
    """Print scores and counts. Raises MedxferError if no image could be scored."""
    from medxfer.grid.devices import gpus, hold_gpu
    from medxfer.trained.scoring import predict  # with torch, which wrong arguments need not wait for

    hold_gpu(gpus())
    table, slices, rule, links = predict(given.cell, given.images, given.out, given.cam, given.slices)
    read, by_rule = table[table["refused"] == ""], table["refused"].str.startswith(BY_RULE)
    refused = table[(table["refused"] != "") & ~by_rule]
    if given.out is None and len(read):
        shown = read.drop(columns=["unlike", "refused", "note"])
        print(shown.to_string(index=False, float_format="%.4f"))
    for why, alike in refused.groupby("refused", sort=False):
        for path in alike["path"].head(SHOWN):
            print(f"refused: {path}: {why}", file=sys.stderr)
        if len(alike) > SHOWN:
            print(f"refused: {count(len(alike) - SHOWN, 'more file')}: {why}", file=sys.stderr)
    for row in read[read["unlike"] != ""].itertuples():
        print(f"unlike the images of the training: {row.path}: {row.unlike}", file=sys.stderr)
    for reason, number in (*table["refused"][by_rule].value_counts().items(), *links.items()):
        print(f"left out {reason}: {count(number, 'file')}")
    if read.empty:
        raise MedxferError(_none_scored(given, len(refused), int(by_rule.sum())))
    scored = (
        count(len(read), "image")
        if slices is None
        else f"{len(read)} series of {count(int(read['slices'].sum()), 'slice')}"
    )
    print(f"{scored} scored, {count(len(refused), 'file')} refused{f': {given.out}' if given.out else ''}")
    print(f"{rule} {RESEARCH_ONLY}")


def _none_scored(given: Settings, refused: int, by_rule: int) -> str:
    reasons = [f"{count(refused, 'file')} refused"] if refused else []
    reasons += [f"{count(by_rule, 'file')} left out by rule (named by itself, a file is scored)"] if by_rule else []
    table = f"; {given.out} says why of each" if given.out else ""
    return f"images={given.images}: no image could be scored: {', '.join(reasons)}{table}"


def main(arguments: list[str]) -> int:
    return run(COMMAND, score, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
