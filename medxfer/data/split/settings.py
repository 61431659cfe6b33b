"""How images are asked to be divided."""

from dataclasses import dataclass

from medxfer.base.errors import MedxferError

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitSettings:
    """How images are divided; the rest, after `val` and `test`, is for training."""

    seed: int = 0
    val: float = 0.2  # share of the images
    test: float = 0.2
    resample: bool = False  # train and val are drawn again with each training's seed; test never is
    folds: int | None = None  # each training's patients are divided anew, and each is tested once
    groups: str | None = None  # a column of the data set's table: a fold for each of its values, such as hospitals
    official: bool = True  # the release's own parts are kept
    file: str | None = None  # a table of parts or folds, instead of the release's own; other images are drawn

    def __post_init__(self) -> None:
        if not (self.val > 0 and self.test > 0 and self.val + self.test < 1):
            raise MedxferError(
                f"data.split.val={self.val} and data.split.test={self.test}: give shares above 0 that leave some "
                "images for training"
            )
        if self.groups is not None and (self.folds or self.file):
            other = "data.split.folds" if self.folds else "data.split.file"
            raise MedxferError(f"data.split.groups makes a fold of each site by itself: leave {other} out")
        if self.resample and (self.folds or self.groups):
            raise MedxferError(
                "data.split.resample draws from one pool, and folds divide all patients anew with each seed: leave "
                "data.split.resample out"
            )

    @property
    def val_of_rest(self) -> float:
        """Validation's share of the images that are not tested."""
        return self.val / (1 - self.test)
