"""What docs/simulations.md says of looks: declared ones hold the level, and what undeclared ones do to it."""

import pandas as pd

LEVEL_GOAL, TRAININGS_GOAL = 5.5, 60.0  # percent

DECLARED = """\
## Declared looks

Components, colormaps against gray, looks at 3, 5 and 10 seeds (`study.looks=[3,5,10]`), 4 % of error spent in
proportion to the information, as it is estimated at each look. "Share" is that of trainings in the variance at 10
seeds. Error: any difference found at any look, where there is none. The other columns are of colormaps that all differ
from gray by twice the half-width that a study of 10 seeds has: how often all are found, and how many trainings a grid
needs that stops when all are found or cannot be, of those of 10 seeds. The last column is the same without a
difference. No margin is used; with one a grid may stop earlier. The share that is spent, 4 of 5 %, was chosen by other
draws: with 5 % the total error was 5.5 to 5.8 % with two contrasts, with 4.5 % it was 5.9 % with one.
"""

UNDECLARED = """\
## Looks that were not declared

Components, one contrast, trainings 99 % of the variance: seeds are added 3 or 5 at a time, and each time the interval
of a study of one look is made. How often a difference is found that is none, in %; and what follows for a normal
variable at equal steps of information (Armitage, McPherson and Rowe 1969), which is what the page says of a study that
was reported with several numbers of seeds.
"""


def declared(frame: pd.DataFrame) -> list[str]:
    null, real = (frame[frame["effect"] == effect].set_index(["contrasts", "share"]) for effect in (0.0, 2.0))
    lines = [
        "| contrasts | share | error % | all found % | trainings % | trainings without a difference % |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for key in null.index:
        cells = (null["error"], real["all found"], real["trainings"], null["trainings"])
        lines.append(f"| {key[0]} | {key[1]:g} | " + " | ".join(f"{100 * of[key]:.1f}" for of in cells) + " |")
    return [*lines, ""]


def undeclared(frame: pd.DataFrame) -> list[str]:
    lines = ["| looks | computed | 3 seeds at a time | 5 seeds at a time |", "| --: | --: | --: | --: |"]
    for looks, of in frame.groupby("looks"):
        by_seeds = of.set_index("seeds")
        cells = [by_seeds["computed"].iloc[0], by_seeds["error"][3], by_seeds["error"][5]]
        lines.append(f"| {looks} | " + " | ".join(f"{100 * value:.1f}" for value in cells) + " |")
    return [*lines, ""]


def goals(frame: pd.DataFrame) -> list[str]:
    """What was aimed at for declared looks, and every setting that misses."""
    null, real = frame[frame["effect"] == 0], frame[frame["effect"] == 2]
    lines = [
        f"- Declared looks at 3, 5 and 10 seeds, total error at most {LEVEL_GOAL:g} %: highest "
        f"{100 * null['error'].max():.1f} % in {len(null)} settings."
    ]
    missed = null[100 * null["error"] > LEVEL_GOAL]
    lines += [f"  - {100 * row['error']:.1f} %: {key}" for key, row in missed.iterrows()]
    over = real[100 * real["trainings"] > TRAININGS_GOAL]
    lines.append(
        f"- Trainings at a difference of twice the final half-width at most {TRAININGS_GOAL:g} % of all: "
        f"{100 * real['trainings'].min():.0f} to {100 * real['trainings'].max():.0f} %."
        + (
            f" Above in {len(over)} of {len(real)} settings, those with the largest share of trainings:"
            if len(over)
            else ""
        )
    )
    return lines + [f"  - {100 * row['trainings']:.0f} %: {key}" for key, row in over.iterrows()]
