"""The cells of a grid in rounds: with declared looks (study.looks), a study trains up to its next look, and may stop.

Several studies of one command have looks of their own: a round holds the cells that each of them needs next.
"""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig
from rich.markup import escape

from medxfer.analysis import Look, next_look
from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.grid.answered import answer_study
from medxfer.grid.jobs import Job
from medxfer.grid.live import live_grid
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.plan_record import needless_cells, planned_cells
from medxfer.study.stopping import declared_looks, look_cells, places
from medxfer.trained.external_scores import score_missing


@dataclass(frozen=True)
class Grid:
    """The cells of one command."""

    jobs: tuple[Job, ...]  # what trains each of `cells`
    cells: tuple[Cell, ...]
    config: DictConfig  # of the first job: it names external sets, the store and what the page shows

    @property
    def studies(self) -> list[Study]:
        return list(dict.fromkeys(cell.study for cell in self.cells))


class Rounds:
    """What one command still trains, round after round.

    All that is decided here is read from the studies' folders, so that a command that was stopped goes on, and several
    commands on one study agree.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.tried: set[int] = set()  # indices into the grid's cells
        self.until: dict[Study, int] = {}  # the look that the last round trained for, by its number of seeds
        self.reported: set[Study] = set()  # studies that stopped in this command, and whose page says so

    def next(self) -> list[int]:
        """The indices of the cells to launch now; empty at the end.

        Of studies with looks or folds they are seed after seed, all folds of an arm together, so that a study which is
        stopped early has whole seeds.

        Takes the looks that are due first: a study whose questions are decided is stopped and reported, another one is
        reported and goes on.
        """
        display.close()
        place = {}
        numbers = []
        for study in self.grid.studies:
            of_study = self._next(study)
            record = study.record
            if declared_looks(record) or record.get("divided"):
                seeds = places(planned_cells(record))
                place.update({n: seeds[self.grid.cells[n].name] for n in of_study})
            numbers += of_study
        self.tried.update(numbers)
        live_grid.expect(self.grid.cells, len(numbers))
        return sorted(numbers, key=lambda n: (place.get(n, 0), n))

    def _next(self, study: Study) -> list[int]:
        record = study.record
        looks, needed = declared_looks(record), self._needed(study)
        if not looks:
            return needed
        if (stop := record.get("stopped")) and (needed or study not in self.until):
            self.until[study] = stop["seeds"]
            return needed
        look = next_look(study.folder)
        if look.seeds is None or look.decided or look.hopeless:
            self._stop(study, look, looks)
            return []
        if stop:
            study.go_on()
            display.say(f"[bold]{escape(study.name)}[/]: cells were added since it stopped; it goes on")
            needed = self._needed(study)
        if self.until.get(study, look.seeds) < look.seeds:
            self.report(study)
            display.say(f"[bold]{escape(study.name)}[/]: {escape(look.reason)}")
        return self._up_to_a_look(study, look.seeds, needed)

    def _up_to_a_look(self, study: Study, seeds: int, needed: list[int]) -> list[int]:
        """The cells before the look at `seeds`; where this command has none of them left, before a later one."""
        record = study.record
        planned = planned_cells(record)
        for later in [number for number in declared_looks(record) if number >= seeds]:
            cells = look_cells(planned, later)
            if within := [n for n in needed if self.grid.cells[n].name in cells]:
                look = look_cells(planned, seeds)
                if later > seeds and (lacking := sum(not study.has_result(name) for name in look)):
                    why = f"{lacking} of its {count(len(look), 'cell')} failed or belong to other commands"
                    text = f"no look at {seeds} seeds yet: {why}; training goes on to {later} seeds"
                    display.say(f"[bold]{escape(study.name)}[/]: {text}")
                self.until[study] = later
                return within
        return []

    def _needed(self, study: Study) -> list[int]:
        """The study's cells that can be trained, are not done, were not tried, and that a look still needs."""
        needless, cells = needless_cells(study.record), self.grid.cells
        of_study = [n for n, cell in enumerate(cells) if cell.study == study and n not in self.tried]
        return [n for n in of_study if cells[n].name not in needless and not cells[n].is_done()]

    def _stop(self, study: Study, look: Look, looks: tuple[int, ...]) -> None:
        at = max((seeds for seeds in looks if look.seeds is None or seeds < look.seeds), default=looks[0])
        study.stop(at, look.decided, look.reason)
        if study in self.until and study not in self.reported:
            self.report(study)
            self.reported.add(study)

    def report(self, study: Study) -> None:
        """Score external sets with the finished cells that have not, write the study's page and print its answer."""
        config = self.grid.config
        try:
            score_missing(study, config)
        except MedxferError as error:  # the study's own answer does not wait for it
            display.say(
                f"[red]{escape(study.name)}: not all cells have scored the external sets:[/] {escape(str(error))}"
            )
        display.close()
        with study.reporting():
            answer_study(study, config.report.images, Path(config.store.root).expanduser())
