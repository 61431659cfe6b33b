"""python -m medxfer.training.ddp_member: one of the processes that train a cell together, but not the first (ddp)."""

import json
import os
import signal
import sys
import threading
from typing import TextIO

import torch
from omegaconf import DictConfig, OmegaConf

from medxfer.study.cell import reason
from medxfer.training.ddp import Member


def main() -> None:
    """Train the cell that standard input describes, together with the process that wrote it; leave no record."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # the first process decides
    order = json.loads(sys.stdin.readline())
    tell = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what else this process says, the first says as well
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    try:
        _train(OmegaConf.create(order["config"]), Member(order["rank"], order["port"]), tell)
    except Exception as error:
        print(f"process {order['rank']} of this cell: {reason(error)}", file=tell, flush=True)
        sys.exit(1)


def _train(config: DictConfig, member: Member, tell: TextIO) -> None:
    from medxfer.training.fit import fit  # heavy, so not before the signals are ignored
    from medxfer.training.prepare import Impossible, prepare

    prepared = prepare(config)
    if isinstance(prepared, Impossible):
        raise prepared.error
    print("ready", file=tell, flush=True)
    fit(prepared, None, member)
    torch.distributed.destroy_process_group()


def _end_with_the_first() -> None:
    sys.stdin.read()  # ends when the first process closes it, or dies
    os._exit(1)


if __name__ == "__main__":
    main()
