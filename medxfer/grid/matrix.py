"""The grid as a matrix that fills with results: a row an arm, a column a seed."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from medxfer.base.words import count as count_of
from medxfer.base.words import describe, duration, level_name, listing, metric_in_words, varied
from medxfer.study.identity import Json
from medxfer.study.last_epochs import by_arm, often_the_last
from medxfer.study.plan_record import withdrawals
from medxfer.study.state import (
    Ahead,
    State,
    before_next_look,
    count,
    finished,
    read_record,
    read_states,
    seconds_left,
    trainings,
)
from medxfer.study.stopping import declared_looks

STYLES = {"done": "green", "running": "bold cyan", "failed": "red", "missing": "dim", "not needed": "dim"}


def matrix(states: Sequence[State], rows: int, columns: int) -> Table:
    """At most `rows` arms and `columns` seeds, those nearest to what is not done yet."""
    arms = list(dict.fromkeys(state.arm for state in states))
    seeds = sorted({state.factors["seed"] for state in states})
    by_place: dict[Any, list[State]] = {}
    for state in states:
        by_place.setdefault((state.arm, state.factors["seed"]), []).append(state)
    open_arms = [arms.index(state.arm) for state in states if state.status in ("running", "missing")]
    open_seeds = [seeds.index(state.factors["seed"]) for state in states if state.status in ("running", "missing")]
    shown_arms = _window(arms, rows, min(open_arms, default=0))
    shown_seeds = _window(seeds, columns, min(open_seeds, default=0))
    shown = varied(state.factors for state in states)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(_hidden(len(arms) - len(shown_arms), "arm"))
    for seed in shown_seeds:
        table.add_column(f"seed {seed}" if seed == shown_seeds[0] else str(seed), justify="right", no_wrap=True)
    more = _hidden(len(seeds) - len(shown_seeds), "seed")
    if more:
        table.add_column(more)
    for arm in shown_arms:
        named = [level_name(key, level) for key, level in arm if key in shown] or [str(dict(arm)["colormap"])]
        table.add_row(" × ".join(named), *(_training(by_place.get((arm, seed), [])) for seed in shown_seeds))
    return table


def caption(metric: str) -> str:
    """What the figures of a matrix are."""
    return f"figures: {metric_in_words(metric)} on validation images; those of test are in the report alone"


def show_study(study: Path, console: Console) -> None:
    """Print the matrix of cells, what runs and what failed, and the time left."""
    states = read_states(study)
    counts = ", ".join(f"{number} {name}" for name, number in count(states).items() if number)
    record = read_record(study)
    ahead = before_next_look(states, record)
    left = seconds_left(ahead.states)
    folds = about_folds(states, record)
    counts += f"; {folds}" if folds else ""
    console.print(f"[bold]{escape(study.resolve().name)}[/]: {len(states)} cell{'s' * (len(states) != 1)}: {counts}")
    if states:
        console.print(matrix(states, rows=40, columns=max(3, (console.width - 50) // 7)))
    if any(state.score is not None for state in states):
        console.print(f"[dim]{caption(record['declared']['metric'])}[/]")
    if about := about_looks(record, ahead, count(states)["not needed"]):
        console.print(escape(about))
    shown = varied(state.factors for state in states)
    for state in states:
        if state.running is not None:
            where = f"epoch {state.running.epoch} of {state.running.epochs}"
            console.print(
                f"[cyan]running[/] {escape(describe(state.factors, shown))}: {where}, on {escape(state.running.host)}"
            )
        elif state.saved is not None:
            where = f"goes on from epoch {state.saved.epoch} of {state.saved.epochs}"
            console.print(f"[yellow]stopped[/] {escape(describe(state.factors, shown))}: {where}")
    for text, failed in _by_reason(states, shown).items():
        console.print(f"[red]failed[/] {escape(failed)}: {escape(text)}")
    for entry in withdrawals(record):
        what = f"{entry['what']} ({count_of(len(entry['cells']), 'cell')}): {entry['reason']}"
        console.print(f"[dim]withdrawn[/] {escape(what)}")
    if left:
        console.print(f"about {duration(left)} {'left' if ahead.seeds is None else 'to the next look'}")
    if finished(states) and (late := often_the_last(by_arm(((one.factors, one.chosen) for one in states), shown))):
        console.print(escape(late))


def about_folds(states: Sequence[State], record: Json) -> str:
    """How many trainings the cells of `states` are, and how many are done; empty where no data set has folds."""
    found = trainings(states, record)
    if not found["folds"]:
        return ""
    numbers = listing(sorted(set(found["folds"].values())), "or")
    return f"{found['done']} of {count_of(found['all'], 'training')} done, of {numbers} folds each"


def about_looks(record: Json, ahead: Ahead, needless: int) -> str:
    """Where a study with declared looks stands; nothing of what a look found but the reason why it stopped.

    `needless` is the number of cells that no look needs. Empty where no look was declared.
    """
    if not declared_looks(record):
        return ""
    beyond = [f"{count_of(needless, 'cell')} not needed (–)"] if needless else []
    if stop := record.get("stopped"):
        where = f"stopped at the look at {count_of(stop['seeds'], 'seed')}, on {stop['time'][:10]}"
        return "; ".join([f"{where}: {stop['reason'].rstrip('.')}", *beyond])
    if ahead.seeds is None:
        return "; ".join(["no look is left", *beyond])
    said = [f"next look at {count_of(ahead.seeds, 'seed')}"]
    if ahead.planned < ahead.seeds:
        said.append(f"{ahead.planned} planned")
    if ahead.failed:
        said.append(f"{count_of(ahead.failed, 'cell')} of it failed, which the same command tries again")
    return "; ".join([*said, *beyond])


def _by_reason(states: Sequence[State], shown: Sequence[str]) -> dict[str, str]:
    """Reason -> the cells that failed for it."""
    cells: dict[str, list[str]] = {}
    for state in states:
        if state.status == "failed":
            cells.setdefault(state.reason, []).append(describe(state.factors, shown))
    return {
        text: names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" for text, names in cells.items()
    }


def _training(folds: Sequence[State]) -> Text:
    """A training: its one cell, or how many of its folds are done, and their mean score in the end."""
    if len(folds) < 2:
        return _cell(folds[0]) if folds else Text("")
    done = [state for state in folds if state.status == "done"]
    if len(done) == len(folds):
        scores = [state.score for state in done if state.score is not None]
        return Text(f"{fmean(scores):.3f}" if scores else "done", STYLES["done"])
    names = [state.status for state in folds]
    status = next((name for name in ("failed", "running", "missing") if name in names), names[0])
    return Text(f"{len(done)} of {len(folds)}", STYLES[status]) if done or status != "missing" else _cell(folds[0])


def _cell(state: State) -> Text:
    text = {"failed": "failed", "missing": "·", "not needed": "–"}.get(state.status, "")
    if state.status == "done":
        text = "done" if state.score is None else f"{state.score:.3f}"
    if (far := state.running or state.saved) is not None:
        text = f"{far.epoch}/{far.epochs}"
    return Text(text, STYLES[state.status])


def _window(items: list[Any], size: int, focus: int) -> list[Any]:
    """`size` of `items`, with `focus` in the upper part."""
    start = max(0, min(focus - 1, len(items) - size))
    return items[start : start + size]


def _hidden(number: int, noun: str) -> str:
    return f"and {number} more {noun}s" if number > 1 else f"and 1 more {noun}" if number else ""
