"""DICOM files of which the headers say what the index needs: the patient, the series, the place in it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from medxfer.base.files import alone, private_folder, whole_file
from medxfer.data.dicom.read import HEADER_VERSION
from medxfer.data.sources.dicom_folder import DicomFiles
from medxfer.data.sources.source import Header


class HeaderIndexed(DicomFiles):
    """Headers are read once: `survey` keeps them under `cache`, readable by its owner only, for as long as the files'
    names, sizes and times stay."""

    cache: Path

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        folder = private_folder(self.cache)
        digest = hashlib.sha256(f"{HEADER_VERSION}{self.root}{Header._fields}{self.options}".encode())
        for file in sorted(files):
            stat = self.path(file).stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        kept = folder / f"{type(self).__name__}-{digest.hexdigest()[:16]}.parquet"
        with alone(folder, kept.stem, kept.name):
            if not kept.is_file():
                with whole_file(kept) as parquet:
                    super().survey(sorted(files)).to_parquet(parquet)
        return pd.read_parquet(kept).loc[list(files)]
