"""A study → the W&B workspace that compares its arms; drawn from the folder and the runs, and made again at will."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.judge.verdict import Verdict, judge
from medxfer.analysis.out.paper import answers_markdown
from medxfer.base.errors import MedxferError

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace

WIDTH, HEIGHT = 24, 9  # of the grid that panels lie in, in W&B's units


def save_workspace(study: Path, entity: str, project: str) -> str:
    """Make the workspace of the study in this folder on W&B's server, and return its address.

    Raises:
        MedxferError: there is no study in the folder, the extra is not installed, or W&B refuses.
    """
    records = read_study(study)
    made = workspace(records, judge(records), entity, project)
    from wandb.errors import Error

    try:
        made.save()
    except (Error, OSError, ValueError) as error:
        why = str(error).strip().split("\n")[0].rstrip(".")
        raise MedxferError(
            f"W&B did not take the workspace ({why}); wandb login, and check entity= and project="
        ) from error
    return str(made.url)


def workspace(study: StudyRecord, verdict: Verdict, entity: str, project: str) -> "Workspace":
    """The workspace, not yet saved: the study's runs, grouped by arm, with the answer above them.

    Below the answer, by arm: bars of the tested metric with its standard deviation over trainings, and curves by epoch;
    then every training as a line through what varies in this study, to its test metric. With declared looks these
    metrics are those of validation.

    Raises:
        MedxferError: its package is not installed.
    """
    if find_spec("wandb_workspaces") is None:
        raise MedxferError("the dashboard's package is not installed: pip install 'medxfer[dashboard]'")
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    metric, name, half = study.declared.metric, metric_name(study.declared.metric), WIDTH // 2
    # With declared looks, no cell sends its test results: they are the looks', which the answer above gives.
    part, word = ("val", "Validation") if study.declared.looks else ("test", "Test")
    shown, varied, whole = f"{part}/{metric}", _varied(study), wr.Layout(0, 0, WIDTH, 2 * HEIGHT)
    by_arm: dict[str, Any] = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    answer = wr.MarkdownPanel(markdown=answers_markdown(verdict), layout=whole)
    place, title = wr.Layout(0, 0, half, HEIGHT), f"{word} {name} by colormap × pretrained"
    bars = wr.BarPlot(title=title, metrics=[shown], max_bars_to_show=100, layout=place, **by_arm)
    curves = [
        wr.LinePlot(
            title=title, x="epoch", y=[key], max_runs_to_show=100, layout=wr.Layout(x, y, half, HEIGHT), **by_arm
        )
        for title, key, x, y in (
            (f"Validation {name} by arm", f"val/{metric}", half, 0),
            ("Training loss by arm", "train/loss", 0, HEIGHT),
            ("Validation loss by arm", "val/loss", half, HEIGHT),
        )
    ]
    axes = [wr.ParallelCoordinatesPlotColumn(wr.Config(key), display_name=key) for key in varied]
    axes.append(wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(shown), display_name=shown))
    trainings = wr.ParallelCoordinatesPlot(title="Trainings", columns=axes, layout=whole)
    return ws.Workspace(
        entity=entity,
        project=project,
        name=study.name,
        sections=[
            ws.Section(name="Answer", panels=[answer], is_open=True),
            ws.Section(name="Arms", panels=[bars, *curves], is_open=True),
            ws.Section(name="Trainings", panels=[trainings], is_open=True),
        ],
        settings=ws.WorkspaceSettings(x_axis="epoch", max_runs=100, sort_panels_alphabetically=False),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("Group") == study.name, expr.Metric("JobType") != "report"),
            groupby=[expr.Config("colormap"), expr.Config("pretrained")],
            pinned_columns=["run:displayName", *(f"config:{key}" for key in varied), f"summary:{shown}"],
        ),
    )


def _varied(study: StudyRecord) -> list[str]:
    """The treatments, and every other factor or tuned setting with several values in this study."""
    return list(dict.fromkeys(["colormap", "pretrained", *study.varied]))
