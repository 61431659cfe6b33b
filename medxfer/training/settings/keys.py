"""Every key of conf/train.yaml and its groups, in the order in which they are checked; defaults stand in conf/.

--help and docs/settings.md are made of this description: `make reference` writes the page again.
"""

import re

from medxfer.base.errors import unknown
from medxfer.base.kinds import Anything, Flag, Keyed, Name, Number, Text, Weights, choice, share, whole
from medxfer.base.words import AUTO, JUDGED
from medxfer.model.backbone_names import backbone_names
from medxfer.study.comparison import read_comparisons
from medxfer.study.declared import read_budget, read_looks
from medxfer.training.settings.combined import ListOf, Or, OrNull, ReadBy
from medxfer.training.settings.data_keys import DATA, EXTERNAL
from medxfer.training.settings.described import Group, Keys, Setting
from medxfer.training.settings.trainer_keys import TRAINER


def _colormaps() -> list[str]:
    from medxfer.color.colormaps import offered_names  # with numpy, which --help does without

    return offered_names()


def _check_colormap(name: str) -> None:
    from medxfer.color.colormaps import parse_colormap

    parse_colormap(name)


def _check_window(name: str) -> None:
    from medxfer.base.window import parse_window

    if name != AUTO:
        parse_window(name)


def _check_finetune(asked: str) -> None:
    if not re.fullmatch(r"full|head|last:\d+", asked):
        ways = ("full", "head", "last:1")
        raise unknown("finetune", asked, ways, "choose full, head or last:<k>, with k stages before the head.")


def _check_levels(levels: int) -> None:
    from medxfer.color.colormaps import check_levels

    check_levels(levels)


FACTORS: Keys = {
    "colormap": Setting(ReadBy(_check_colormap, Text("a colormap's name", names=_colormaps)),
                        "how gray becomes colour; python -m medxfer.color lists all; file:<path>: one's own table"),
    "pretrained": Setting(Weights(), "initial weights; bottom:<k>: the k lowest stages, random above them"),
    "backbone": Setting(Text("a network's name", names=backbone_names),
                        "the network; python -m medxfer.model lists all"),
    "window": Setting(ReadBy(_check_window, Text("<center>/<width> in HU, a name such as lung, file or auto")),
                      "which values are shown from black to white; auto: 40/400 for CT, file for the rest"),
    "image_size": Setting(Or(whole(16, 4096), choice(AUTO)),
                          "side of the images in pixels; auto: that of the images which the backbone's weights saw"),
    "train_fraction": Setting(share(open_low=True), "share of the training patients"),
    "fold": Setting(OrNull(whole(0), "each, one after another"), "of data.split.folds or .groups: which one is tested"),
    "seed": Setting(whole(0), "of the training: head, batch order, augmentation (the split has data.split.seed)"),
}  # fmt: skip

AUGMENT = Group("changes of gray in training, the same draws in every arm; 0 leaves a change out", {
    "rotate": Setting(Number(0, 180), "degrees either way"),
    "shift": Setting(share(), "of the image's side"),
    "scale": Setting(share(), "relative change of size"),
    "flip": Setting(share(), "probability of a left-right flip"),
    "brightness": Setting(share(), "added to gray, which is from 0 to 1"),
    "contrast": Setting(share(), "relative change of gray"),
    "gamma": Setting(share(), "relative change of the exponent"),
}, null="none", without="augment=null")  # fmt: skip

RECIPE: Keys = {
    "budget": Setting(ReadBy(read_budget,
                             OrNull(ListOf(whole(1), "budget=[8,40]"), "trainer.max_epochs alone")),
                      "epochs of which each arm is trained, each with a schedule of its own; the last one answers"),
    "lr": Setting(Number(0), "highest learning rate of the head"),
    "batch_size": Setting(whole(2, because="batch norm needs two images"), "images of a batch"),
    "optimizer": Setting(choice(registry="medxfer.model.recipe:OPTIMIZERS"), "what moves the weights"),
    "weight_decay": Setting(Number(0), "of weights; none on norms, biases and tables"),
    "warmup": Setting(share(open_high=True), "share of all steps in which the learning rate rises"),
    "finetune": Setting(ReadBy(_check_finetune, Text("full, head or last:<k>")),
                        "which layers are trained: all, the head, or it and k stages"),
    "backbone_lr_scale": Setting(Number(0), "learning rate of all layers before the head, over lr"),
    "label_smoothing": Setting(share(open_high=True), "share of a label that is given to all classes"),
    "balance": Setting(choice(registry="medxfer.data.serve.balance:BALANCE"),
                       "weights: of rare classes, more in the loss; sampling: drawn as often as the others"),
    "monitor": Setting(choice("val/loss", registry="medxfer.model.metrics:METRICS", prefix="val/"),
                       "what chooses the epoch that is tested"),
    "patience": Setting(OrNull(whole(1), "no stop"), "epochs without a better monitor that end a training"),
    "levels": Setting(ReadBy(_check_levels, whole(2, 65536)), "of a colormap's table"),
    "normalize": Setting(choice("fixed", "arm"),
                         "by the weights' own mean and std, or those of the training set as the arm sees it"),
    "learned": Group("of colormap=learned:<name>", {
        "lr": Setting(Number(0), "learning rate of the table"),
        "smoothness": Setting(Number(0), "weight of its roughness in the loss"),
    }),
    "keep": Setting(choice("best", "none"), "the tested epoch's weights; none: deleted once the cell is done"),
    "deterministic": Setting(Or(Flag(), choice("warn")), "whether the same cell twice is the same to the last bit"),
    "compute": Setting(choice("float32", "auto"), "auto: as the study's first cell measures to be fastest"),
    "augment": AUGMENT,
}  # fmt: skip

STUDY = Group("what a study is, and what it declares before its first training", {
    "root": Setting(Text("a path"), "where studies lie"),
    "name": Setting(OrNull(Or(Name(), whole(0)), "one made from the settings that cells share"),
                    "the study's name"),
    "metric": Setting(choice(*JUDGED, why="the answer is judged by auroc, accuracy, "
                             "balanced_accuracy or brier; the other metrics stand in results.csv."),
                      "by which arms are compared; auroc of several classes is the mean over them"),
    "margin": Setting(Number(0, 1, True, True, because="the smallest difference that matters, as a fraction (0.01 is "
                             "one point)"), "smallest difference that matters"),
    "looks": Setting(ReadBy(read_looks, Anything("a list, such as [3,5,10]")),
                     "after how many seeds the answer may be looked at; []: once, at the end"),
    "tuned": Setting(ListOf(Text(), "study.tuned=[lr]"), "keys whose value is picked for each arm by validation"),
    "contrasts": Setting(ReadBy(read_comparisons, Anything("a list of comparisons")),
                         "comparisons of other factors, each with an answer of its own"),
    "rq1": Setting(Keyed("a rule"), "the contrast that answers RQ1: within which weights colormaps are compared"),
    "rq2": Setting(Keyed("a rule"), "the contrast that answers RQ2: which weights are compared, within which colormap"),
})  # fmt: skip

LOGGER = Group("where curves go; several at once: logger=[csv,tensorboard]; any of Lightning's loggers by a file "
               "logger/<name>.yaml in a folder that --config-dir names: <name>: {_target_: <class>, …}", {
    "project": Setting(Text("a name"), "W&B's project"),
    "entity": Setting(OrNull(Text("a name"), "one's own"), "W&B's user or team"),
    "uri": Setting(OrNull(Text("an address"), "MLFLOW_TRACKING_URI, else a file beside the study"), "MLflow's server"),
}, needed=(), without="logger=none")  # fmt: skip

CALLBACKS = Group("what else watches or changes each training, in files as loggers have them; part of what a study is, "
                  "but for DeviceStatsMonitor and LearningRateMonitor", without="callbacks=none")  # fmt: skip

CONFIG = Group("the configuration", {
    "study": STUDY, **FACTORS, **RECIPE, "data": DATA, "trainer": TRAINER, "logger": LOGGER,
    "callbacks": CALLBACKS,
    "plan": Setting(Flag(), "true: print what would run, how long and how sure, and train nothing"),
    "report": Group("the page", {"images": Setting(Flag(), "true: it shows test images (pictures of patients)")}),
    "external": EXTERNAL,
    "store": Group("decoded images", {"root": Setting(Text("a path"), "where they lie, for all studies")}),
})  # fmt: skip
