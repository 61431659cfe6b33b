"""Sources that need the files' headers for their index: for the patient, the series, or the place in it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from medxfer.base.files import alone, private_folder, write_parquet
from medxfer.data.dicom.read import HEADER_VERSION
from medxfer.data.sources.source import HeaderFacts, Source


class HeaderIndexed(Source):
    """`survey` reads headers once and keeps them under `cache`, readable by its owner only.

    They are read again if a file's name, size or time changes, or an option or the version of the reader.
    """

    cache: Path

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        folder = private_folder(self.cache)
        versions = (HEADER_VERSION, self.reader_version, HeaderFacts._fields)
        digest = hashlib.sha256(f"{self.root}{versions}{self.reader}".encode())
        for file in sorted(files):
            digest.update(self.stamp(file))
        kept = folder / f"{type(self).__name__}-{digest.hexdigest()[:16]}.parquet"
        with alone(folder, kept.stem, kept.name):
            if not kept.is_file():
                write_parquet(kept, super().survey(sorted(files)).reset_index())
        return pd.read_parquet(kept).set_index("file").loc[list(files)]
