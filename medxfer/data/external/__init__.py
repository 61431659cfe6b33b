"""Labelled images from elsewhere, which every cell scores and none is trained on or chosen by."""

from medxfer.data.external.external_set import ExternalSet, TrainedOn, external_sets
from medxfer.data.external.mounted import Mounted, mounted_sets

__all__ = ["ExternalSet", "Mounted", "TrainedOn", "external_sets", "mounted_sets"]
