"""What a user types wrongly, before a cell is settled: one sentence each, and no traceback."""

import signal
import subprocess
import sys

import pytest
from commands import train
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError

from medxfer.base import stop
from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.base.stop import SIGNALS
from medxfer.grid.command_line import check_options, multirun_first, published, run_hydra
from medxfer.training.settings.composed import sentence


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("windw=lung", "unknown setting 'windw': did you mean window?"),
        ("augment.cutout=1", "unknown setting 'augment.cutout'"),
        ("data.patints=3", "unknown setting 'data.patints': did you mean data.patients"),
        ("data.root=x", "data.root is no setting of the data that was chosen by data="),
        ("trainer.precision=bf16-mixed", "trainer.precision has no default here: give it with a plus, +trainer.pre"),
        ("~windw", "unknown setting 'windw': did you mean window"),
        ("hydra.jb=3", "unknown setting 'hydra.jb'"),
        ("logger=wanb", "unknown logger 'wanb': did you mean wandb? there are csv, mlflow, none, tensorboard, wandb."),
        ("data=imges", "unknown data 'imges': did you mean images"),
        ("+lr=3", "+lr: the setting is there already: give it without the plus"),
        (
            "colormap=none,viridis",
            "colormap=none,viridis: several values make a grid, which -m trains: give -m as well",
        ),
        ("seed=range(3)", "seed=range(3): several values make a grid"),
        ("colormap=glob(*)", "colormap=glob(*): several values make a grid"),
        ("lr=[", "lr=[: cannot be read"),
    ],
)
def test_what_hydra_refuses_is_one_sentence_with_the_way_out(slip, said):
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as caught:
        compose("train", [slip])
    text = sentence(caught.value)
    assert text.startswith(said)
    assert "\n" not in text


def test_hydra_reads_its_options_on_every_python():
    assert get_args_parser().parse_args(["-m", "seed=0,1"]).multirun


def test_an_interpolation_that_leads_nowhere_is_named_with_its_setting():
    with pytest.raises(InterpolationKeyError) as caught:
        _ = OmegaConf.create({"data": {"split": {"seed": "${oops}"}}}).data.split.seed
    text = sentence(caught.value)
    assert text.startswith("data.split.seed: cannot be resolved (Interpolation key 'oops' not found); if it is part")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("slip", "written"),
    [
        ("-plan", "plan=true"),
        ("--plan=true", "plan=true"),
        ("--data=tree", "data=tree"),
        ("-data.root=x", "data.root=x"),
    ],
)
def test_a_setting_with_dashes_is_no_option_of_hydra(slip, written):
    with pytest.raises(MedxferError, match=f"settings have no dashes; write {written}$"):
        check_options(["-m", "--config-dir", "conf", "--cfg=job", "seed=0", slip])


def test_options_of_hydra_stay():
    check_options(["-m", "--config-dir=conf", "-cn", "ours", "--cfg", "job", "--resolve", "-p", "data", "--hydra-help"])


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_m_may_stand_between_the_settings(flag):
    assert multirun_first(["colormap=none,viridis", flag, "seed=0,1"]) == [flag, "colormap=none,viridis", "seed=0,1"]
    assert multirun_first([flag, "seed=0,1", flag]) == [flag, "seed=0,1"]
    assert multirun_first(["--config-dir", "-x", "seed=0"]) == ["--config-dir", "-x", "seed=0"]


@pytest.mark.parametrize(
    ("arguments", "public"),
    [
        (["--config-dir=/home/ann/conf", "seed=0"], ["--config-dir=<path>", "seed=0"]),
        (["-cd", "mine/conf", "seed=0"], ["-cd", "<path>", "seed=0"]),
        (["hydra.sweep.dir=/tmp/ann", "hydra.run.dir=out"], ["hydra.sweep.dir=<path>", "hydra.run.dir=<path>"]),
        (["hydra.searchpath=[file:///home/ann/conf]"], ["hydra.searchpath=[file:conf]"]),
        (["data={root: /home/ann/x}"], ["data={root: <path>}"]),
        (["hydra.launcher.setup=[source ~/env]"], ["hydra.launcher.setup=[source <path>]"]),
        (
            ["logger.comet.api_key=abc", "+logger.x.token=d"],
            ["logger.comet.api_key=<secret>", "+logger.x.token=<secret>"],
        ),
        (["pretrained=file:/a/b.pth,false"], ["pretrained=file:b.pth,false"]),
        (["window=40/400", "colormap=windows:40/80+80/200", "study.contrasts=[{compare: window, with: 40/400}]"],) * 2,
    ],
)
def test_the_command_that_is_published_names_no_folder(arguments, public):
    assert published(arguments) == " ".join(["python -m medxfer.train", *public])


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_a_misspelt_key_ends_the_command_with_its_sentence(tmp_path, mode):
    done = train(tmp_path, "seed=0", *mode, "windw=lung")
    assert done.returncode == 1
    assert done.stderr == (
        "error: unknown setting 'windw': did you mean window? python -m medxfer.train --help lists all that there "
        "are.\n"
    )


def test_a_sweep_without_values_asks_for_nothing(tmp_path):
    done = train(tmp_path, "-m", "colormap=glob(*)")
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing is asked for: a sweep")


def test_on_windows_one_sentence_says_where_it_runs():
    code = "import sys; sys.platform = 'win32'; import medxfer"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: medxfer runs on Linux and macOS: on Windows, run it in WSL 2 (wsl --install)\n"


def test_ctrl_c_is_a_sentence_from_the_start(monkeypatch, capsys):
    before = {number: signal.getsignal(number) for number in SIGNALS}
    monkeypatch.setattr(sys, "argv", ["medxfer.train"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # so that nothing stands between the call and main
    try:
        with pytest.raises(SystemExit) as ended:
            run_hydra(lambda: signal.raise_signal(signal.SIGINT))
    finally:
        stop._asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended.value.code == 130
    assert "stopped by SIGINT; the same command goes on" in capsys.readouterr().err
