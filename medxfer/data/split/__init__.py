"""Patients → train, val and test, or folds: whole patients, stratified by label."""

from medxfer.data.split.division import Split, part_sizes, split_of
from medxfer.data.split.draw import check_classes, draw_folds, split_images, training_subset
from medxfer.data.split.settings import PARTS, SplitSettings

__all__ = [
    "PARTS", "Split", "SplitSettings", "check_classes", "draw_folds", "part_sizes", "split_images", "split_of",
    "training_subset",
]  # fmt: skip
