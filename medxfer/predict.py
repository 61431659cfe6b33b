"""Score new images with a trained cell: python -m medxfer.predict cell=DIR images=… [out=table.csv] [cam=DIR]

Takes DICOM, PNG and JPEG files. The table has a row a file: its path, a score a class, the decision at the threshold
chosen on validation, or why it was refused; it is printed, or with `out` written. `cam=DIR` draws, for each image, a
picture of gray, what the network saw, and Grad-CAM of the decision. For research, not for diagnosis.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from medxfer.base.errors import RESEARCH_ONLY, MedxferError, unknown

USAGE = "usage: python -m medxfer.predict cell=DIR images=FILE-OR-FOLDER [out=table.csv] [cam=DIR]"


@dataclass(frozen=True)
class Settings:
    """What the command line says, as text."""

    cell: str
    images: str
    out: str = ""
    cam: str = ""


def main(arguments: list[str]) -> int:
    """Score what `arguments` (key=value) ask for; 1 where nothing could be, 0 where at least one image was."""
    try:
        settings = _settings(arguments)
        out = _table_file(settings.out) if settings.out else None
        cam = Path(settings.cam).expanduser() if settings.cam else None

        from medxfer.trained.scoring import predict  # with torch, which wrong arguments need not wait for

        table, rule = predict(Path(settings.cell).expanduser(), Path(settings.images).expanduser(), out, cam)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    read, refused = table[table["refused"] == ""], table[table["refused"] != ""]
    if out is None:
        shown = read.drop(columns=["refused", "note"])
        print(shown.to_string(index=False, float_format="%.4f") if len(shown) else "no image was read")
    for row in refused.itertuples():
        print(f"refused: {row.path}: {row.refused}", file=sys.stderr)
    print(f"{len(read)} images scored, {len(refused)} files refused{f': {out}' if out else ''}")
    print(f"{rule} {RESEARCH_ONLY}")
    return 0 if len(read) else 1


def _table_file(text: str) -> Path:
    out = Path(text).expanduser()
    if out.suffix.lower() != ".csv":
        raise MedxferError(f"out={text}: a table's name must end in .csv")
    if not out.parent.is_dir():
        raise MedxferError(f"out={text}: there is no folder {out.parent}")
    return out


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
