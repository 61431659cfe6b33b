"""Colour → scores: networks from timm and torchvision, their weights, and how they are trained."""

from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import check_backbone, input_statistics
from medxfer.model.classifier import Classifier, NotFinite
from medxfer.model.metrics import choose_threshold, compute_metrics
from medxfer.model.predictions import Predictions
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
