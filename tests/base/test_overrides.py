"""Names on a Hydra command line: what its grammar does not take is answered with the form that works in a shell."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.base.overrides import check_overrides, override, quoted
from medxfer.training.settings.checked import checked
from medxfer.training.settings.composed import compose_config

ODD = ["Köln", "a b", "a=b", "scan (2)", "a[1]", "a,b", "o'brien", 'a"b', "a;b", "~/x", "日本", "a{b}", "a#b!", "2024"]


def shown(error: Exception) -> str:
    return str(error).rpartition("; write ")[2]


def through_bash(words: str) -> list[str]:
    code = "import sys; print('\\0'.join(sys.argv[1:]), end='')"
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -c "{code}" {words}'], capture_output=True, text=True)
    return done.stdout.split("\0")


@pytest.mark.parametrize("name", ODD)
def test_the_answer_to_an_odd_name_works_in_a_shell(name: str) -> None:
    try:
        check_overrides([f"data.root=/images/{name}" if name != "2024" else "data.root=2024"])
    except MedxferError as error:
        (word,) = through_bash(shown(error))
        value = OverridesParser.create().parse_override(word).value()
        assert value == (f"/images/{name}" if name != "2024" else "2024")
    else:
        assert name == "a b"  # which Hydra reads


def test_a_regular_expression_of_patients_is_answered_too() -> None:
    with pytest.raises(MedxferError) as caught:
        check_overrides([r"data.patient=(P\d+)"])
    assert shown(caught.value) == r"""'data.patient="(P\d+)"'"""


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12))
@example("\\'")
@example('a\\"b\\')
@example("${x}")
def test_a_quoted_form_gives_the_value_back(value: str) -> None:
    form = quoted(f"data.root={value}")
    assume(form)  # a backslash before the mark that is needed has none
    assert form or "\\" in value
    assert OverridesParser.create().parse_override(override("data.root", value)).key_or_group == "data.root"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"), max_size=20))
def test_every_name_without_backslashes_has_a_quoted_form(value: str) -> None:
    assert quoted(f"data.root={value}")


def test_what_a_shell_divided_is_put_together_again() -> None:
    with pytest.raises(MedxferError, match=r"""'b c' is no setting: .* write 'data.root="/a b c"'"""):
        check_overrides(["data.root=/a", "b c"])


@pytest.mark.parametrize(
    "overrides",
    [["data.label=[a,b]", "~logger", "+x.y=1"], ["external.classes={a: b}"], ["seed=1", "data.root=/a b/c"]],
)
def test_what_hydra_reads_stays(overrides: list[str]) -> None:
    check_overrides(overrides)


def test_commas_are_a_sweep_where_one_is_asked_for() -> None:
    check_overrides(["data.root=/a,/b"], sweep=True)
    with pytest.raises(MedxferError, match="several values"):
        check_overrides(["data.root=/a,/b"])


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (["seed=0", "colormap", "=", "none,viridis"], "colormap=none,viridis"),
        (["seed=0", "colormap=", "none,viridis"], "colormap=none,viridis"),
        (["seed=0", "colormap", "=none"], "colormap=none"),
        (["colormap=none,", "viridis", "seed=0"], "colormap=none,viridis"),
        (["colormap=“none”,viridis"], "colormap=none,viridis"),
        (["colormap='none, viridis'"], "colormap=none,viridis"),
        (["lr=0,001"], "lr=0.001"),
        (["seed=0,1,"], "seed=0,1"),
        (["study.margin=0,02"], "study.margin=0.02"),
    ],
)
def test_slips_of_typing_are_answered_with_what_was_meant(typed: list[str], written: str) -> None:
    with pytest.raises(MedxferError) as caught:
        check_overrides(typed, sweep=True)
    assert str(caught.value).endswith(written)


@pytest.mark.parametrize(
    "typed",
    [["colormap=", "seed=0"], ["augment.rotate=0,5"], ["colormap=viridis,none"], ["lr=0.001,0.01"], ["seed=0,1"]],
)
def test_what_is_no_slip_stays(typed: list[str]) -> None:
    check_overrides(typed, sweep=True)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, env=env)


def test_check_and_train_answer_and_take_the_answer(tmp_path: Path) -> None:
    root = make_pictures(tmp_path / "Köln (2) a=b", n=40)
    plain = ["data=images", f"data.root={root}", f"store.root={tmp_path}/cache"]
    train = command("medxfer.train", *plain, "plan=true")
    assert train.returncode == 1
    check = command("medxfer.data", "check", *plain)
    assert train.stderr == check.stderr
    (word,) = through_bash(check.stderr.strip().rpartition("; write ")[2])
    done = command("medxfer.data", "check", plain[0], word, plain[2])
    assert done.returncode == 0, done.stderr


DOLLAR = "/x/${oops}"


def composed_for_training(words: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose("train", words))


@pytest.mark.parametrize("key", ["data.root", "study.name", "store.root", "study.root", "data.split.file"])
@pytest.mark.parametrize("read", [composed_for_training, compose_config])
def test_a_dollar_in_a_name_is_answered_with_the_form_that_takes_it(
    key: str, read: Callable[[list[str]], DictConfig]
) -> None:
    with pytest.raises(MedxferError, match=rf"^{key}: cannot be resolved .*'oops' not found") as caught:
        read(["data=dicom", "data.root=/x", f"{key}={DOLLAR}"])
    (word,) = through_bash(str(caught.value).rpartition(", write ")[2])
    assert OmegaConf.select(compose_config(["data=dicom", word]), key) == DOLLAR


def test_a_dollar_in_a_list_is_answered_too() -> None:
    with pytest.raises(MedxferError, match=r"^data\.label\[0\]: cannot be resolved .*write \\\$\{ for \$\{ there"):
        compose_config(["data=dicom", "data.root=/x", "data.label=['${oops}',b]"])
    assert compose_config(["data=dicom", r"data.label=['\${oops}',b]"]).data.label[0] == "${oops}"
