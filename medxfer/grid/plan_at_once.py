"""plan=true: whether several cells at once are sooner done than one after another, and how many."""

from collections.abc import Sequence

import joblib

from medxfer.base.display import display
from medxfer.base.words import duration
from medxfer.grid.jobs import Job
from medxfer.grid.pace import Pace
from medxfer.grid.side_by_side import fastest, measure_side_by_side
from medxfer.training.settled_cell import Settled

LONG = 600.0  # seconds a grid, from which on measuring for a minute may repay
MOST = 16  # cells at once on one device


def side_by_side(missing: Sequence[tuple[Job, Settled]], paces: Sequence[Pace], devices: int) -> str | None:
    """What was measured of the `missing` cell that takes longest, in a sentence with what to add to the command.

    None for a short grid, which is not worth it. `devices` is how many GPUs the cells could be spread over, or 1.
    """
    seconds = sum(pace.seconds for pace in paces)
    if len(missing) < 2 or seconds < LONG:
        return None
    longest = max(range(len(missing)), key=lambda n: paces[n].seconds)
    display.step("measuring cells side by side", 1, 1)
    most = min(-(-len(missing) // devices), joblib.cpu_count(), MOST)
    found = list(measure_side_by_side(missing[longest][0].config(), most))
    display.close()
    if not found:
        return None
    best = fastest(found)
    measured = ", ".join(f"{one.cells}: {one.images:,.0f}" for one in found)
    number, gain = best.cells * devices, devices * best.images / found[0].images
    text = f"cells at once{' on a GPU' if devices > 1 else ''} and images a second: {measured}"
    if number == 1:
        return f"{text}; one after another is as fast."
    return (
        f"{text}; with hydra/launcher=joblib hydra.launcher.n_jobs={number} the grid takes about "
        f"{duration(seconds / gain)}."
    )
