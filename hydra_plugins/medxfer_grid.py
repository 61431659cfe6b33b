"""hydra/sweeper=grid. Hydra takes plug-ins from the name space `hydra_plugins` alone, and loads all that are there."""

import sys
from collections.abc import Sequence

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser


class GridSweeper(BasicSweeper):
    """Sweeps as Hydra's own does, around a grid that is checked first and judged last.

    Hydra's own composes every job three times, which for hundreds of finished cells takes minutes.
    """

    def sweep(self, arguments: list[str]) -> None:
        # Here, because other programs that find this plug-in need not load them.
        from medxfer.base.errors import MedxferError
        from medxfer.grid.command_line import published
        from medxfer.grid.hooks import errors_exit
        from medxfer.grid.jobs import asked_jobs
        from medxfer.grid.launched import trains_here

        assert self.config is not None
        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        parser = OverridesParser.create(config_loader=loader)
        (jobs,) = self.split_arguments(parser.parse_overrides([*self._parse_config(), *arguments]), None)
        with errors_exit():
            if not jobs:
                raise MedxferError("nothing is asked for: a sweep on the command line, such as glob(*), has no values")
            composed = asked_jobs(loader, self.config, jobs)
            # With torch, which takes seconds.
            from medxfer.grid.around import begin, finish, show_plan
            from medxfer.grid.rounds import Rounds

            here = trains_here(self.config.hydra)
            if composed[0].base.plan:
                return show_plan(composed, here)
            rounds = Rounds(begin(composed, published(sys.argv[1:]), here))
            numbers = rounds.next()
        launched, lost = 0, None
        while numbers and lost is None:
            lost = self._launch([list(rounds.grid.jobs[number].overrides) for number in numbers], launched)
            launched += len(numbers)
            with errors_exit():
                numbers = [] if lost else rounds.next()
        with errors_exit():
            complete = finish(rounds, lost)
        if not complete:
            sys.exit(1)

    def _launch(self, jobs: Sequence[Sequence[str]], launched: int) -> Exception | None:
        """In this process one by one, so that nothing of a finished job stays; by other launchers all at once.

        `launched` jobs were before these. Returns what ended another launcher before its jobs: one worker that the
        system kills can take all with it.
        """
        assert self.launcher is not None
        alone = isinstance(self.launcher, BasicLauncher)
        size = self.max_batch_size or (1 if alone else len(jobs))
        try:
            for start in range(0, len(jobs), size or 1):
                for job in self.launcher.launch(jobs[start : start + size], initial_job_idx=launched + start):
                    _ = job.return_value  # raises what the job raised
        except Exception as error:
            if alone:
                raise
            return error
        return None


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="grid",
    node={"_target_": f"{__name__}.GridSweeper", "max_batch_size": None, "params": None},
    provider="medxfer",
)
