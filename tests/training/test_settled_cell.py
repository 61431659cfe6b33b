"""A cell that cannot be has the factors that it has once it can be, so that its failure does not stay beside it."""

from cells import small_config

from medxfer.study.opening import open_study
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Impossible


def test_a_cell_that_cannot_be_is_called_as_when_it_can(tmp_path):
    found = prepare(small_config(tmp_path, "colormap=Viridis", "image_size=auto", "window=auto"))
    assert isinstance(found, Impossible)
    study = open_study(found.config, "f1")
    cell = found.cell(study, "CT")
    assert cell.factors["window"] == "40/400"
    assert isinstance(cell.factors["image_size"], int)
    study.plan({"done before": cell.factors}, "one")
    assert found.cell(study, "CT").name == "done before"


def test_a_network_that_does_not_exist_keeps_what_was_asked(tmp_path):
    found = prepare(small_config(tmp_path, "backbone=resnt", "image_size=auto", "window=auto"))
    assert isinstance(found, Impossible)
    factors = found.cell(open_study(found.config, "f1"), None).factors
    assert (factors["image_size"], factors["window"]) == ("auto", "auto")
