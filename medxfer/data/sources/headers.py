"""DICOM files of which the headers say what the index needs: the patient, the series, the place in it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from filelock import FileLock

from medxfer.base.files import replace
from medxfer.data.sources.dicom_folder import DicomFiles
from medxfer.data.sources.source import Header
from medxfer.data.store.identity import private_folder


class HeaderIndexed(DicomFiles):
    """Headers are read once: `survey` keeps them under `cache`, readable by its owner only, for as long as the files'
    names, sizes and times stay."""

    cache: Path

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        folder = private_folder(self.cache)
        digest = hashlib.sha256(f"{self.root}{Header._fields}{self.options}".encode())
        for file in sorted(files):
            stat = self.path(file).stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        kept = folder / f"{type(self).__name__}-{digest.hexdigest()[:16]}.parquet"
        with FileLock(kept.with_suffix(".lock")):
            if not kept.is_file():
                partial = kept.with_suffix(".partial")
                super().survey(sorted(files)).to_parquet(partial)
                replace(partial, kept)
        return pd.read_parquet(kept).loc[list(files)]
