"""data=images: a folder of PNG, JPEG or TIFF files beside a table of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from medxfer.data.sources.labelled_folder import COLUMNS, LabelledFolder
from medxfer.data.sources.picture_file import PICTURES, PictureReader


class ImageFolder(LabelledFolder):
    """Pictures under `root`, and the table `labels`; `options` are those of `PictureReader`."""

    suffixes = PICTURES

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str | None] = COLUMNS,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(root, labels, label, columns)
        self.reader: PictureReader = PictureReader(**options)

    def settings(self) -> dict[str, object]:
        return {**super().settings(), **asdict(self.reader)}
