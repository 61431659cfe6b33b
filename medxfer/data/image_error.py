"""A file that is not an image one can learn from."""

from pathlib import Path

from medxfer.base.errors import MedxferError


class ImageError(MedxferError):
    """Recorded and counted by `kind`, never dropped silently; neither `kind` nor `reason` holds header text."""

    def __init__(self, path: Path, kind: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.kind = kind
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.kind, self.reason)  # so that it survives the way out of a worker
