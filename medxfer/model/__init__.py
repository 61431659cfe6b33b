"""Colour → scores: networks from timm, their weights, and how they are trained."""

from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import check_backbone, input_statistics
from medxfer.model.classifier import Classifier, NotFinite
from medxfer.model.metrics import Predictions, choose_threshold, compute_metrics
from medxfer.model.weights import WeightsRecord, resolve

__all__ = [
    "Classifier",
    "NotFinite",
    "Predictions",
    "WeightsRecord",
    "check_backbone",
    "choose_threshold",
    "compute_metrics",
    "create_backbone",
    "input_statistics",
    "resolve",
]
