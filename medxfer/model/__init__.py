"""Colour → scores: networks from timm, their weights, and how they are trained."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medxfer.model.backbone import create_backbone

__all__ = ["create_backbone"]


def __getattr__(name: str) -> Any:
    """`create_backbone`, for users' scripts: found when it is asked for, so that lists and help import no network."""
    if name != "create_backbone":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from medxfer.model.backbone import create_backbone

    return create_backbone
