"""What is said of each study before its first training, and at the end: its cells, and where its looks stand."""

from collections.abc import Sequence

from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.files import read_json
from medxfer.base.series import IMAGE, IN_WORDS
from medxfer.base.words import count, listing
from medxfer.data.inspect.few_trained import few_trained
from medxfer.data.sources.labelled_folder import PEOPLE, LabelledFolder
from medxfer.grid.matrix import about_folds, about_looks
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import BUDGET, FOLD, Json
from medxfer.study.plan_record import needless_cells, planned_cells
from medxfer.study.state import before_next_look, read_state, read_states
from medxfer.study.state import count as by_status
from medxfer.study.stopping import declared_looks, fewest_seeds
from medxfer.training.settled_cell import Settled


def introduce_data(settled: Sequence[Settled]) -> None:
    """Say what must be known of these cells: their weights, how series are scored, their external sets, where few
    patients train, and which columns came too late."""
    _say_weights(settled)
    _say_series(settled)
    _say_external(settled)
    _say_few(settled)
    _say_late(settled)


def _say_weights(settled: Sequence[Settled]) -> None:
    """Say of the pretrained weights of each network, once, in which images they were trained."""
    said: dict[str, None] = {}
    for one in settled:
        if (weights := one.weights) is None:
            continue
        unknown = f"tag {weights.tag}, which names no data" if weights.tag else "their data are not said beside them"
        data = f"trained on {weights.trained_on}" if weights.trained_on else unknown
        scale = f", input normalised by mean {weights.mean} and std {weights.std}" if weights.mean else ""
        start = str(one.cell.factors["pretrained"]).replace("True", "true")
        said[f"{one.cell.factors['backbone']} pretrained={start}: {weights.file}, {data}{scale}"] = None
    for text in said:
        display.say(f"[dim]{escape(text)}[/]")


def _say_series(settled: Sequence[Settled]) -> None:
    """Say of each data set whose series are scored, once, how."""
    for data, score in dict.fromkeys((one.cell.factors["data"], one.score) for one in settled):
        if score != IMAGE:
            series = next(one for one in settled if one.cell.factors["data"] == data).store.images["series"].nunique()
            display.say(f"[dim]{escape(str(data))}: each of its {series:,} series has one score, {IN_WORDS[score]}[/]")


def _say_external(settled: Sequence[Settled]) -> None:
    """Say of each external set, once, what it holds, what is left out of it and what must be known of it."""
    by_text: dict[str, str] = {}
    for one in dict.fromkeys(external for cell in settled for external in cell.external):
        by_text[one.sentence()] = "[dim]{}[/]"
        by_text.update(dict.fromkeys(one.warnings(), "[yellow]{}[/]"))
    for text, style in by_text.items():
        display.say(style.format(escape(text)))


def _say_few(settled: Sequence[Settled]) -> None:
    """Say of each data set, once, where few of its patients are left to train or to validate."""
    whole = max((one.cell.factors["train_fraction"] for one in settled), default=1)
    of_data: dict[str, dict[int | None, Settled]] = {}
    for one in settled:
        if one.cell.factors["train_fraction"] == whole:
            of_data.setdefault(str(one.cell.factors["data"]), {}).setdefault(one.cell.factors.get(FOLD), one)
    for data, by_fold in of_data.items():
        split = next(iter(by_fold.values())).split
        if text := few_trained(split, {fold: one.parts for fold, one in by_fold.items()}):
            display.say(f"[yellow]{escape(data)}: {escape(text)}[/]")


def _say_late(settled: Sequence[Settled]) -> None:
    """Say of each data set, once, which columns that describe patients are named now and were not when its first cell
    was trained: the record of a cell that is done stays as it is, and the page is drawn from it."""
    done = {one.cell.factors["data"]: one for one in reversed(settled) if one.cell.is_done()}
    for data, one in done.items():
        flow = read_json(one.cell.folder / "metrics.json")["data"].get("flow", {})
        known = {key for of_part in flow.get("people", {}).values() for key in of_part}
        named = one.dataset.source.columns if isinstance(one.dataset.source, LabelledFolder) else {}
        if late := [f"data.columns.{key}" for key in PEOPLE if key in named and key not in known]:
            display.say(
                f"[yellow]{escape(str(data))}: {listing(late)} {'was' if len(late) == 1 else 'were'} named after cells "
                "were trained, and the page shows what their records hold; a study of another study.name= has it[/]"
            )


def introduce(study: Study, cells: Sequence[Cell]) -> None:
    """Say how many of `cells` there are and are done, which looks lack seeds, and where the study stopped."""
    done = sum(cell.is_done() for cell in cells)
    record = study.record
    display.say(
        f"[bold]{escape(study.name)}[/]: {count(len(cells), 'cell')}, {done} done before; "
        f"{escape(about_recipe(record['settings'], [cell.factors for cell in cells]))}"
    )
    states = [read_state(cell.folder, cell.factors, study.metric) for cell in cells] if record.get("divided") else []
    if folds := about_folds(states, record):
        display.say(f"[dim]{folds}; every fold's patients are tested by a network that has not seen them[/]")
    looks = declared_looks(record)
    if not looks:
        return
    planned, needless = planned_cells(record), needless_cells(record)
    if stop := record.get("stopped"):
        display.say(escape(looks_of(study)))
        if added := [cell for cell in cells if cell.name in stop.get("added", []) and not cell.is_done()]:
            display.say(
                f"[yellow]{count(len(added), 'cell')} asked for beyond the last look: they are trained, and looking at "
                "the answer with them is a look that was not declared[/]"
            )
        elif any(cell.name in needless and not cell.is_done() for cell in cells):
            display.say(
                f"[dim]the cells that are not needed are not trained; a seed beyond the {looks[-1]} of the last look "
                "would be, as a look that was not declared[/]"
            )
        return
    seeds = fewest_seeds(planned)
    if lacking := [look for look in looks if look > seeds]:
        which = f"the look{'s' * (len(lacking) > 1)} at {listing(lacking)} seeds"
        answered = "; before the first look nothing is answered" if lacking[0] == looks[0] else ""
        display.say(
            f"[yellow]{which} cannot be taken with the {count(seeds, 'seed')} that are planned: "
            f"give {count(looks[-1] - seeds, 'more seed')}, here or in other commands{answered}[/]"
        )
    if beyond := sum(cell.name in needless for cell in cells):
        display.say(
            f"[yellow]{count(beyond, 'cell')} beyond the last look at {looks[-1]} seeds "
            f"{'is' if beyond == 1 else 'are'} not trained (study.looks)[/]"
        )


def about_recipe(settings: Json, cells: Sequence[Json]) -> str:
    """Size, budget and schedule of a study's trainings: what its `settings` and the factors of its `cells` say."""
    sizes = sorted({cell["image_size"] for cell in cells})
    trainer, shared = settings["trainer"], [f"{listing(sizes)} px"]
    for key, word in (("max_epochs", "epoch"), ("max_steps", "step")):
        if trainer.get(key, -1) != -1:
            shared.append(count(trainer[key], word))
    if budgets := sorted({cell[BUDGET] for cell in cells if BUDGET in cell}):
        shared.append(f"{listing(budgets)} epochs")
    if "lr" in settings:
        shared.append(f"learning rate {settings['lr']:g}")
    return ", ".join([*shared, f"a cosine after {settings.get('warmup', 0):.0%} of warm-up"])


def looks_of(study: Study) -> str:
    """Where the study's looks stand, in a sentence; empty where none were declared."""
    record = study.record
    if not declared_looks(record):
        return ""
    states = read_states(study.folder)
    return about_looks(record, before_next_look(states, record), by_status(states)["not needed"])
