"""A cell's curves on one's own MLflow server: an experiment a study, a run a cell, continued under the same run."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock
from pytorch_lightning.loggers import Logger, MLFlowLogger

from medxfer.base.errors import MedxferError
from medxfer.base.words import arm_name
from medxfer.study.cell import Cell

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def mlflow_run(uri: str | None, cell: Cell) -> Iterator[Logger]:
    """The cell's run on the server at `uri`, as FINISHED, FAILED or KILLED when the block ends.

    It holds the factors and the metrics alone: Lightning's own run would hold the user's name and the program's path.
    Raises MedxferError if the server does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines at each end of a run
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for chatter in ("mlflow", "alembic"):
        logging.getLogger(chatter).setLevel(logging.ERROR)
    root = cell.study.folder.parent  # all studies in one database; and not in a study's folder, because it holds paths
    where = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"
    try:
        with FileLock(root / ".mlflow.lock"):
            client = MlflowClient(where)
            run_id = _open_run(client, cell)
    except MlflowException as error:
        raise MedxferError(
            f"logger=mlflow: the server at logger.uri does not answer ({type(error).__name__})"
        ) from error
    status = "KILLED"
    try:
        yield MLFlowLogger(tracking_uri=where, run_id=run_id)
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        with suppress(MlflowException):  # what stopped the cell matters more
            client.set_terminated(run_id, status)


def _open_run(client: "MlflowClient", cell: Cell) -> str:
    """The id of the cell's run; made unless it is there."""
    name = cell.study.name
    experiment = client.get_experiment_by_name(name)
    # No artifact is stored; the default location would be a path of this machine.
    identity = experiment.experiment_id if experiment else client.create_experiment(name, "mlflow-artifacts:/medxfer")
    found = client.search_runs([identity], f"attributes.run_name = '{cell.name}'", max_results=1)
    if found:
        run_id: str = found[0].info.run_id
        client.update_run(run_id, "RUNNING")
        return run_id
    run_id = client.create_run(identity, run_name=cell.name, tags={"arm": arm_name(cell.arm)}).info.run_id
    for key, value in cell.factors.items():
        client.log_param(run_id, key, value)
    return run_id
