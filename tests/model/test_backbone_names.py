"""The names for the shell are those that timm has once it is imported."""

import timm

import medxfer.model.catalogue  # noqa: F401 - registers what timm lacks
from medxfer.model.backbone_names import backbone_names


def test_they_are_all_that_timm_lists():
    assert backbone_names() == sorted(timm.list_models())
