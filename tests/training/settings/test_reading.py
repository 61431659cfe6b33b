"""Every key of conf/ is described, and every slip in a value or a key is a sentence before the first cell."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.training.settings.data_keys import DATA, OF_SOURCES
from medxfer.training.settings.described import Group
from medxfer.training.settings.keys import CONFIG
from medxfer.training.settings.reading import known_keys, read_settings, read_value, unknown_key

OPTIONS = [(folder.name, file.stem) for folder in sorted(CONF.iterdir()) if folder.is_dir() and folder.name != "hydra"
           for file in sorted(folder.glob("*.yaml")) if file.stem != "base"]  # fmt: skip


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides))


def refused(*overrides: str) -> str:
    with pytest.raises(MedxferError) as caught:
        read_settings(composed(*overrides))
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_of_every_group_passes(group, option):
    read_settings(composed(f"{group}={option}"))


def keys_in(node: object, before: str = "") -> list[str]:
    """The dotted keys of a configuration file that hold values; what a class is made with is the class's own."""
    if isinstance(node, dict) and "_target_" in node:
        return []
    if not isinstance(node, dict) or not node:
        return [before.removesuffix(".")]
    return [key for name, value in node.items() for key in keys_in(value, f"{before}{name}.")]


def described(key: str) -> bool:
    one = CONFIG
    for part in key.split("."):
        if not isinstance(one, Group):
            return True  # within a rule of the study, which its own reader checks
        if part not in one.keys:
            return False
        one = one.keys[part]
    return bool(one.meaning)


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_key_in_conf_has_its_description(file: Path):
    where = file.relative_to(CONF).parts
    if where[0] == "hydra":
        return  # Hydra's own
    content = OmegaConf.to_container(OmegaConf.load(file))
    for part in ("defaults", "hydra", "source"):
        content.pop(part, None)
    before = "" if len(where) == 1 or where[0] == "experiment" else f"{where[0]}."
    keys = [f"{before}{key}" for key in keys_in(content) if key]
    assert [key for key in keys if not described(key)] == []


def test_no_description_is_of_a_key_that_is_nowhere():
    files = [OmegaConf.to_container(OmegaConf.load(path)) for path in CONF.rglob("data/**/*.yaml")]
    assert set(OF_SOURCES) <= {key for content in files for key in content}
    base = composed()
    absent = [key for key in CONFIG.keys if key not in base]
    assert absent == []
    assert set(DATA.keys) >= {str(key) for key in base.data} - {"source"}


SLIPS = [
    ("seed=-1", "seed=-1: give a whole number from 0"),
    ("seed=1-5", "seed=1-5: give a whole number from 0; several are swept after -m: seed=1,2,3,4,5"),
    ("seed=1.5", "seed=1.5: give a whole number"),
    ("study.name=..", "study.name=..: give a name of at most 100 characters with a letter (a to z) or"),
    ("study.name=" + 101 * "a", "give a name of at most 100 characters"),
    ("data.name='%'", "data.name=%: give a name of at most 100 characters"),
    ("seed=true", "seed=true: give a whole number"),
    ("batch_size=0", "batch_size=0: give a whole number from 2"),
    ("batch_size=1", "batch_size=1: give a whole number from 2: batch norm needs two images"),
    ("warmup=3", "warmup=3: give a number from 0 to below 1"),
    ("augment.flip=2", "augment.flip=2: give a number from 0 to 1"),
    ("+augment.cutout=0.5", "unknown setting 'augment.cutout'"),
    ("+augment.rotation=5", "unknown setting 'augment.rotation': did you mean augment.rotate"),
    ("train_fraction=5", "train_fraction=5: give a number above 0 and to 1"),
    ("train_fraction=50", "train_fraction=50: give"),
    ("train_fraction=0", "train_fraction=0: give"),
    ("data.split.seed=-1", "data.split.seed=-1: give a whole number from 0"),
    ("data.split.folds=1", "data.split.folds=1: give a whole number from 2, or null for one split"),
    ("study.tuned=lr", "study.tuned=lr: give a list in brackets, such as study.tuned=[lr]"),
    ("study.margin=null", "study.margin=null: give a number above 0 and below 1"),
    ("study.looks=3", "study.looks=3: it takes whole numbers of seeds"),
    ("~logger", "logger was taken out, and every cell needs it: logger=none"),
    ("~augment", "augment was taken out, and every cell needs it: augment=null"),
    ("~augment.gamma", "augment.gamma was taken out, and every cell needs it"),
    ("~seed", "seed was taken out, and every cell needs it: leave ~seed out"),
    ("~trainer.max_epochs", "trainer.max_epochs was taken out"),
    ("~data", "data was taken out"),
    ("augment=0", "augment=0: give its settings, augment.<setting>=, or null for none"),
    ("learned=null", "learned=null: give its settings"),
    ("colormap=[none,viridis]", "colormap=[none,viridis]: give a colormap's name; several are swept after -m: "
                                "colormap=none,viridis"),
    ("colormap=3", "colormap=3: give a colormap's name"),
    ("image_size=0", "image_size=0: give a whole number from 16 to 4096 or auto"),
    ("image_size=1", "image_size=1: give a whole number"),
    ("image_size=[64,64]", "image_size=[64,64]: give a whole number from 16 to 4096 or auto; several are swept after "
                           "-m: image_size=64,64"),
    ("trainer.max_epochs=0", "trainer.max_epochs=0: give a whole number from 1 or -1"),
    ("trainer.max_epochs=1.5", "trainer.max_epochs=1.5: give a whole number from 1 or -1"),
    ("weight_decay=-1", "weight_decay=-1: give a number from 0"),
    ("lr=fast", "lr=fast: give a number from 0"),
    ("lr=inf", "lr=Infinity: give a number from 0"),
    ("deterministic=yes", "deterministic=yes: give true or false or warn"),
    ("pretrained=null", "pretrained=null: give true, false, a tag"),
    ("pretrained=file:nowhere/w.pth", "pretrained=file:nowhere/w.pth: no such file"),
    ("plan=maybe", "plan=maybe: give true or false"),
    ("+windw=lung", "unknown setting 'windw': did you mean window"),
    ("++max_epochs=3", "unknown setting 'max_epochs': did you mean trainer.max_epochs"),
    ("+data.patient=3", "data.patient is no setting of the data that was chosen by data="),
    ("+data.split.fold=3", "unknown setting 'data.split.fold': did you mean data.split.folds"),
    ("+trainer.epochs=3", "unknown setting 'trainer.epochs'"),
    ("study.name=''", "study.name=: give a name"),
    ("batch_size=${oc.env:NOT_THERE}", "batch_size: cannot be resolved"),
]  # fmt: skip


@pytest.mark.parametrize(("slip", "said"), SLIPS, ids=[slip for slip, _ in SLIPS])
def test_each_slip_is_a_sentence(slip, said):
    assert said in refused(slip)


def test_a_setting_of_another_data_set_is_refused(tmp_path):
    assert "data.patients is no setting of the data" in refused("data=images", "data.root=x", "+data.patients=3")
    assert "unknown setting 'external.patints'" in refused("data@external=phantom_ct", "+external.patints=3")
    assert "external.max_rejected=7" in refused("data@external=phantom_ct", "external.max_rejected=7")


@pytest.mark.parametrize(
    "overrides",
    [
        ["data@external=images"],
        ["data@external=phantom_ct", "+data@external.second=images"],
        ["+data@external.second=images"],
        ["augment=null", "patience=3", "study.name=5", "window=40/400", "pretrained=bottom:2", "lr=0"],
        ["trainer.max_epochs=-1", "trainer.max_steps=100", "trainer.gradient_clip_val=null"],
    ],
)
def test_what_is_right_is_not_refused(overrides):
    read_settings(composed(*overrides))


def test_what_an_environments_variable_says_is_a_number(monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    monkeypatch.setenv("RATE", "1e-4")
    config = read_settings(composed("seed=${oc.env:SLURM_ARRAY_TASK_ID}", "lr=${oc.env:RATE}"))
    assert (config.seed, config.lr) == (3, 1e-4)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("external.rot", "external.root"),
        ("external.columns.patent", "external.columns.patient"),
        ("external.second.lable", "external.second.label"),
        ("data.sets.ours.rot", "data.sets.ours.root"),
        ("data.sts", "data.sets"),
    ],
)
def test_a_mistyped_key_of_a_named_set_is_answered_with_the_nearest_there(key: str, near: str) -> None:
    assert f"did you mean {near}" in str(unknown_key(key))


def test_a_number_has_one_type_however_it_is_written_and_one_batch_is_not_all():
    config = composed("data@external=images")
    assert read_settings(config) is config
    read = read_settings(composed("lr=1", "trainer.gradient_clip_val=2", "trainer.limit_val_batches=1"))
    assert [type(one) for one in (read.lr, read.trainer.gradient_clip_val)] == [float, float]
    assert type(read.trainer.limit_val_batches) is int
    assert [repr(read_value("train_fraction", one)) for one in (1, 1.0, "1")] == ["1.0"] * 3
    assert [repr(read_value("seed", one)) for one in (1, "1")] == ["1", "1"]


def test_every_description_says_something():
    for key in known_keys():
        assert described(key), key
