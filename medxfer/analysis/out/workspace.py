"""A study → the W&B workspace that compares its arms; drawn from the folder and the runs, and made again at will."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.paper import answers_markdown
from medxfer.base.errors import MedxferError

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Section, Workspace

WIDTH, HEIGHT = 24, 9  # of the grid that panels lie in, in W&B's units


def workspace(study: StudyRecord, verdict: Verdict, entity: str, project: str) -> "Workspace":
    """The workspace, not yet saved: the study's runs, grouped by arm, with the answer above them.

    Raises MedxferError where its package is not installed.
    """
    if find_spec("wandb_workspaces") is None:
        raise MedxferError("the dashboard's package is not installed: pip install 'medxfer[dashboard]'")
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    return ws.Workspace(
        entity=entity,
        project=project,
        name=study.name,
        sections=[_answer(verdict), _comparison(study), _trainings(study)],
        settings=ws.WorkspaceSettings(x_axis="epoch", max_runs=100, sort_panels_alphabetically=False),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("Group") == study.name),
            groupby=[expr.Config("colormap"), expr.Config("pretrained")],
            pinned_columns=["run:displayName", *(f"config:{key}" for key in _varied(study)), f"summary:{_test(study)}"],
        ),
    )


def _answer(verdict: Verdict) -> "Section":
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    panel = wr.MarkdownPanel(markdown=answers_markdown(verdict), layout=wr.Layout(0, 0, WIDTH, 2 * HEIGHT))
    return ws.Section(name="Answer", panels=[panel], is_open=True)


def _comparison(study: StudyRecord) -> "Section":
    """The tested metric, a bar an arm with the standard deviation over its trainings, and validation by epoch."""
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    name, half = metric_name(study.declared.metric), WIDTH // 2
    bars = wr.BarPlot(
        title=f"Test {name} by colormap × pretrained",
        metrics=[_test(study)],
        groupby_aggfunc="mean",
        groupby_rangefunc="stddev",
        max_bars_to_show=100,
        layout=wr.Layout(0, 0, half, HEIGHT),
    )
    curves = [
        wr.LinePlot(
            title=title,
            x="epoch",
            y=[key],
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            max_runs_to_show=100,
            layout=wr.Layout(x, y, half, HEIGHT),
        )
        for title, key, x, y in (
            (f"Validation {name} by arm", f"val/{study.declared.metric}", half, 0),
            ("Training loss by arm", "train/loss", 0, HEIGHT),
            ("Validation loss by arm", "val/loss", half, HEIGHT),
        )
    ]
    return ws.Section(name="Arms", panels=[bars, *curves], is_open=True)


def _trainings(study: StudyRecord) -> "Section":
    """Every training as a line through what varies in this study, to its test metric."""
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    axes = [wr.ParallelCoordinatesPlotColumn(wr.Config(key), display_name=key) for key in _varied(study)]
    metric = wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(_test(study)), display_name=_test(study))
    panel = wr.ParallelCoordinatesPlot(
        title="Trainings", columns=[*axes, metric], layout=wr.Layout(0, 0, WIDTH, 2 * HEIGHT)
    )
    return ws.Section(name="Trainings", panels=[panel], is_open=True)


def _test(study: StudyRecord) -> str:
    return f"test/{study.declared.metric}"


def _varied(study: StudyRecord) -> list[str]:
    """The treatments, and every other factor or tuned setting with several values in this study."""
    keys = dict.fromkeys(key for cell in study.cells for key in cell.factors)
    several = [key for key in keys if len({str(cell.factors.get(key)) for cell in study.cells}) > 1]
    return [*("colormap", "pretrained"), *(key for key in several if key not in ("colormap", "pretrained"))]
