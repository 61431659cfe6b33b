"""Arms, cells, counts and times as one reads them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

Task = Literal["binary", "multiclass", "multilabel"]  # what the labels mean: two classes, several, several at once
# What study.metric can be: the metrics that the analysis computes again from scores, for a patient's influence.
JUDGED = ("auroc", "accuracy", "balanced_accuracy", "brier")
# With fewer test patients of a class, or fewer seeds of an arm, a finding describes and does not judge.
FEWEST_PATIENTS, FEWEST_SEEDS = 5, 2
# With fewer patients than FOLDS_BELOW and no official test part, FOLDS folds are recommended.
FOLDS, FOLDS_BELOW = 5, 2_000
AUTO, USUAL_SIZE = "auto", 224  # image_size=auto: what the backbone's weights saw, of most backbones this many pixels
NO_START = ""  # in the place of the weights: of a table of scores, whose arms have one name
LOWER_IS_BETTER = ("brier",)  # of JUDGED; of the others more is better


def weights_name(pretrained: bool | str) -> str:
    """What the initial weights are called: 'pretrained', 'random', or the user's own name for them."""
    if isinstance(pretrained, str):
        return pretrained
    return "pretrained" if pretrained else "random"


def hydra_value(value: Any) -> Any:
    """Booleans as Hydra spells them, so that what is shown can be given back on a command line."""
    return str(value).lower() if isinstance(value, bool) else value


def arm_name(arm: tuple[str, bool | str], sign: str = "×") -> str:
    """(colormap, pretrained) in words: 'viridis × pretrained'; of a table's arm its name."""
    return arm[0] if arm[1] == NO_START else f"{arm[0]} {sign} {weights_name(arm[1])}"


def level_name(key: str, level: Any, bare: bool = False) -> str:
    """One level of a factor, understood without its column: 'resnet18', 'window lung', '64 px', 'lr=0.001'.

    `bare`, beside the factor's name: 'lung', '64 px', '0.001'.
    """
    if key in ("data", "backbone", "colormap"):
        return str(level)
    if key == "pretrained":
        return weights_name(level)
    if key == "train_fraction":
        return f"{100 * level:g} % of training"
    if key == "trainer.max_epochs" and isinstance(level, int):
        return count(level, "epoch")
    shown = str(hydra_value(level))
    if bare and key != "image_size":
        return shown
    return {"window": f"window {shown}", "image_size": f"{shown} px", "seed": f"seed {shown}"}.get(
        key, f"{key}={shown}"
    )


def varied(cells: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The factors with several levels in `cells`, in their order: what must be named to tell cells apart."""
    levels: dict[str, dict[Any, None]] = {}
    for factors in cells:
        for key, level in factors.items():
            levels.setdefault(key, {})[level] = None
    return tuple(key for key, found in levels.items() if len(found) > 1)


def describe(factors: Mapping[str, Any], shown: Sequence[str]) -> str:
    """A cell by its arm and seed, and by those of its other factors that are `shown` (those that vary in the study).

    'viridis × pretrained, seed 0'; in a larger study 'phantom_ct resnet18 viridis × pretrained, window lung, seed 0'.
    """
    before = [level_name(key, factors[key]) for key in ("data", "backbone") if key in shown]
    arm = arm_name((factors["colormap"], factors["pretrained"]))
    named = ("data", "backbone", "colormap", "pretrained", "seed", "fold")
    others = [level_name(key, level) for key, level in factors.items() if key in shown and key not in named]
    fold = [f"fold {factors['fold']}"] if "fold" in factors else []
    return ", ".join([" ".join([*before, arm]), *others, level_name("seed", factors["seed"]), *fold])


def site_noun(column: str) -> str:
    """What each value of data.split.groups=`column` is: a hospital, a view; with data=joined a data set."""
    return "data set" if column == "data" else column


def metric_in_words(metric: str) -> str:
    """A metric of training as one reads it: 'AUROC', 'balanced accuracy'."""
    return {"auroc": "AUROC", "f1": "F1", "brier": "Brier score"}.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of the judged `metric` (with or without "val/" or "test/") is the better one."""
    return metric.rpartition("/")[2] in LOWER_IS_BETTER


def duration(seconds: float) -> str:
    """'40 s', '12 min', '3.5 h', '2.1 days'."""
    for limit, unit, size in ((90, "s", 1), (5400, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}" if unit == "h" else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


def listing(items: Iterable[object], word: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    *before, last = [*map(str, items)] or [""]
    return f"{', '.join(before)} {word} {last}" if before else last


def count(n: int, noun: str, plural: str | None = None) -> str:
    """'1 training', '3 trainings'."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def size(count: int) -> str:
    """Bytes as one reads them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
