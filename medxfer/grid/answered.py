"""A study's answer: into its folder, to the terminal, and to W&B where the curves are there."""

from pathlib import Path

from medxfer.analysis import Verdict, answer, answers_markdown, named_figures, public_files
from medxfer.base.display import display
from medxfer.study.folder import Study
from medxfer.training.wandb_report import place_of, send_answer


def answer_study(
    study: Study, images: bool = False, store_root: Path | None = None, figures: Path | None = None
) -> Verdict:
    """`medxfer.analysis.answer`; then the same as a run at W&B, without pictures of patients, and as that is set up:
    offline, or not at all (WANDB_MODE=disabled).

    Raises MedxferError as `answer`. What W&B does not take is said, and no error.
    """
    verdict = answer(study.folder, images, store_root, figures)
    if place := place_of(study):
        files = public_files(study.folder, images)
        try:
            send_answer(study, place, files, answers_markdown(verdict), named_figures(verdict))
        except Exception as error:  # W&B's own errors, the network's, the disk's: the answer is in the folder already
            why = getattr(error, "strerror", None) or type(error).__name__
            display.say(f"[yellow]W&B does not have the answer ({why}): medxfer.report sends it again[/]")
    return verdict
