"""Which arguments of Lightning's Trainer a cell can take, and why not the others."""

from medxfer.base.kinds import Flag, Number, Only, choice, whole
from medxfer.training.settings.combined import Or, OrNull
from medxfer.training.settings.described import Group, Setting

_ONE_DEVICE = (
    "a cell trains on one device, because a grid is faster with a cell on each; leave this out, and use "
    "hydra/launcher=joblib for the GPUs of this machine or hydra/launcher=submitit_slurm for a cluster "
    "(CUDA_VISIBLE_DEVICES limits the GPUs that are used)."
)
_QUICK = "for a quick look take experiment=debug, or trainer.max_epochs=1 trainer.limit_train_batches=2"
_EACH_EPOCH = (
    "every epoch is validated once, at its end, because the epoch that is tested is chosen among them; leave it out, "
    "and take fewer or shorter epochs (trainer.limit_train_batches) if validation is dear"
)
_OURS = "medxfer makes it itself, so that a cell can be resumed and recorded; leave it out"
_PART = Or(whole(1), Number(0, 1, open_low=True))


def _whole_or_unlimited(meaning: str) -> Setting:
    return Setting(Or(whole(1), choice(-1)), meaning)


def _refused(because: str, *unless: object) -> Setting:
    return Setting(Only(because, unless), f"refused: {because}")


TAKEN: dict[str, Setting] = {
    "max_epochs": _whole_or_unlimited("epochs of each training; -1: trainer.max_steps says how long it lasts"),
    "max_steps": _whole_or_unlimited(
        "optimiser's steps of each training; -1: trainer.max_epochs says how long it lasts"
    ),
    "min_epochs": Setting(OrNull(whole(1), "none"), "epochs that patience does not cut short"),
    "min_steps": Setting(OrNull(whole(1), "none"), "steps that patience does not cut short"),
    "accelerator": Setting(choice("auto", "cpu", "gpu", "cuda", "mps"), "kind of device; auto: a GPU if there is one"),
    "precision": Setting(
        choice("32-true", "16-mixed", "bf16-mixed", 32, "32"),
        "in which numbers networks compute; 16-mixed is for GPUs before 2020 (V100, T4)",
    ),
    "gradient_clip_val": Setting(OrNull(Number(0), "no clipping"), "largest gradient, by gradient_clip_algorithm"),
    "gradient_clip_algorithm": Setting(
        OrNull(choice("norm", "value"), "norm"), "what of the gradient is limited: its norm, or each of its values"
    ),
    "accumulate_grad_batches": Setting(whole(1), "batches of each step of the optimiser"),
    "limit_train_batches": Setting(_PART, "share (1.0: all) or number (1: one) of an epoch's batches"),
    "limit_val_batches": Setting(_PART, "share or number of the validation's batches"),
    "limit_test_batches": Setting(_PART, "share or number of the test's batches"),
    "profiler": Setting(
        OrNull(choice("simple"), "none"), "simple: how long each part took, in the cell's folder (fit-profile.txt)"
    ),
    "benchmark": Setting(OrNull(Flag(), "what deterministic asks for"), "let cuDNN look for its fastest algorithms"),
    "detect_anomaly": Setting(Flag(), "stop where a gradient is not a number, and say in which layer; slow"),
    "inference_mode": Setting(Flag(), "validate and test in torch's inference mode; false: without gradients only"),
    "log_every_n_steps": Setting(whole(1), "between two figures of callbacks=device_stats; curves are of epochs"),
}

REFUSED: dict[str, Setting] = {
    "devices": _refused(_ONE_DEVICE, 1),
    "num_nodes": _refused(_ONE_DEVICE, 1),
    "strategy": _refused(_ONE_DEVICE, "auto"),
    "sync_batchnorm": _refused(_ONE_DEVICE, False),
    "use_distributed_sampler": _refused(_ONE_DEVICE, True, False),
    "check_val_every_n_epoch": _refused(_EACH_EPOCH, 1),
    "val_check_interval": _refused(_EACH_EPOCH, 1.0, None),
    "fast_dev_run": _refused(f"it keeps no epoch that could be tested; {_QUICK}", False),
    "overfit_batches": _refused(
        "it validates on training images; take trainer.limit_train_batches to train on few", 0.0, 0
    ),
    "num_sanity_val_steps": _refused("settings and data are checked before the first cell; leave it out"),
    "max_time": _refused(
        "an arm on a slower device would train less than the others; take trainer.max_epochs or trainer.max_steps", None
    ),
    "limit_predict_batches": _refused("a training predicts nothing; leave it out", None),
    "reload_dataloaders_every_n_epochs": _refused("data sets do not change within a training; leave it out", 0),
    "callbacks": _refused("they are a group of their own, callbacks=; patience= ends a training early"),
    "plugins": _refused(_OURS),
    "logger": _refused("curves go where the group logger says: logger=wandb, csv, tensorboard, mlflow or none"),
    "deterministic": _refused("it is a setting of its own: deterministic=true or false"),
    "default_root_dir": _refused("a cell's files lie in its study's folder; study.root= moves it"),
    "enable_checkpointing": _refused(_OURS, True),
    "enable_progress_bar": _refused("medxfer has a bar of its own, for the whole grid; leave it out"),
    "enable_model_summary": _refused("python -m medxfer.model counts a network's parameters; leave it out"),
    "enable_autolog_hparams": _refused("settings go to the logger whole; leave it out"),
    "barebones": _refused("it takes checkpoints and curves away, of which a cell is made; leave it out", False),
    "model_registry": _refused("weights stay in the study's folder; medxfer.export takes them elsewhere", None),
}

_NEEDED = ("max_epochs", "max_steps", "accelerator", "limit_train_batches", "limit_val_batches", "limit_test_batches")
TRAINER = Group("arguments of Lightning's Trainer; any that a cell can take is added by +trainer.<argument>=", {
    **TAKEN, **REFUSED,
}, needed=_NEEDED)  # fmt: skip
