"""The LightningModule: what it accepts, pools, stores, repeats and refuses."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.color import ColorTransform
from medxfer.model.backbone import create_backbone
from medxfer.model.classifier import Classifier, NotFinite
from medxfer.model.metrics import choose_threshold, compute_metrics
from medxfer.training.callbacks import Patience

CLASSES = {"binary": ["a", "b"], "multiclass": ["a", "b", "c"], "multilabel": ["a", "b", "c"]}


def batches(task: str, n: int, first: int = 0, size: int = 8) -> DataLoader[Any]:
    """Batches of noise whose first channel tells the class, with rows in descending order."""
    generator = torch.Generator().manual_seed(n)
    c = len(CLASSES[task])
    label = torch.arange(n) % c
    pixels = torch.randn(n, 3, 32, 32, generator=generator)
    pixels[:, 0] += 2.0 * label[:, None, None]
    if task == "multilabel":
        label = torch.stack([(label == k).float() for k in range(c)], dim=1)
    index = torch.arange(first + n - 1, first - 1, -1)
    parts = [RenderedBatch(*(t[i : i + size] for t in (pixels, label, index))) for i in range(0, n, size)]
    return DataLoader(parts, batch_size=None)


def classifier(task: str = "binary", backbone: str = "test_resnet", **options: Any) -> Classifier:
    network = create_backbone(backbone, len(CLASSES[task]), False)
    return Classifier(network, task=task, classes=CLASSES[task], seed=0, **options)


def trainer(folder: Path, epochs: int = 1, **options: Any) -> pl.Trainer:
    quiet = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    }
    return pl.Trainer(default_root_dir=folder, max_epochs=epochs, num_sanity_val_steps=0, **(quiet | options))


@pytest.mark.parametrize("task", CLASSES)
def test_pooled_metrics_and_predictions_of_each_task(tmp_path: Path, task: str) -> None:
    module, run = classifier(task), trainer(tmp_path, 2, enable_checkpointing=False)
    run.fit(module, batches(task, 24), batches(task, 21, first=100))
    assert {"train/loss", "val/loss", "val/auroc", "val/balanced_accuracy"} <= set(run.callback_metrics)
    run.test(module, batches(task, 21, first=200), verbose=False)
    test = module.predictions["test"]
    assert test.index.tolist() == list(range(200, 221))
    assert test.scores.shape == (21, len(CLASSES[task]))
    assert test.scores.dtype == torch.float32
    threshold = 0.5
    if task == "binary":
        val = module.predictions["val"]
        chosen = choose_threshold(val.scores, val.label)
        assert chosen is not None
        threshold = chosen
    values, undefined = compute_metrics(test.scores, test.label, task, CLASSES[task], threshold)
    assert undefined == {}
    logged = run.callback_metrics
    assert {name: float(logged[f"test/{name}"]) for name in values} == pytest.approx(values, rel=1e-6)


def test_the_loss_falls(tmp_path: Path) -> None:
    module = classifier(lr=3e-3)
    losses = []

    class Keep(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
            losses.append(float(trainer.callback_metrics["train/loss"]))

    trainer(tmp_path, 6, enable_checkpointing=False, callbacks=[Keep()]).fit(module, batches("binary", 32))
    assert losses[-1] < 0.5 * losses[0]


def test_the_epochs_loss_is_the_mean_over_images(tmp_path: Path) -> None:
    module = classifier(lr=0.0, weight_decay=0.0)
    loader = batches("binary", 11)
    run = trainer(tmp_path, 1, enable_checkpointing=False)
    run.fit(module, loader)
    fresh = classifier().train()
    torch.manual_seed(0)
    expected = [(fresh.loss(fresh(b.pixels), b.label).item(), len(b.label)) for b in loader]
    mean = sum(loss * n for loss, n in expected) / 11
    assert float(run.callback_metrics["train/loss"]) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("step", ["training_step", "validation_step", "test_step", "predict_step"])
def test_only_rendered_batches_are_accepted(step: str) -> None:
    gray = GrayBatch(torch.zeros(2, 8, 8), torch.zeros(2), torch.zeros(2))
    for batch in (gray, tuple(gray), [torch.zeros(2, 3, 8, 8), torch.zeros(2)]):
        with pytest.raises(MedxferError, match=r"not been through the renderer: use GrayDataModule"):
            getattr(classifier(), step)(batch, 0)


def test_one_class_in_a_split_is_undefined_with_its_reason(tmp_path: Path) -> None:
    module, run = classifier(), trainer(tmp_path)
    one = [b._replace(label=torch.ones_like(b.label)) for b in batches("binary", 8)]
    run.validate(module, DataLoader(one, batch_size=None), verbose=False)
    assert module.undefined["val/auroc"] == "no image of class 'a' in the split"
    assert "val/auroc" not in run.callback_metrics
    run.validate(module, batches("binary", 8), verbose=False)
    assert module.undefined == {}


def test_the_best_checkpoint_brings_its_validation_scores(tmp_path: Path) -> None:
    module = classifier()
    options = {"save_top_k": -1, "save_weights_only": True, "save_on_train_epoch_end": True}
    best = ModelCheckpoint(tmp_path, filename="{epoch}", monitor="val/loss", **options)
    kept: list[Tensor] = []

    class Keep(pl.Callback):
        def on_validation_end(self, _: pl.Trainer, module: Any) -> None:
            kept.append(module.predictions["val"].scores.clone())

    run = trainer(tmp_path, 3, callbacks=[best, Keep()])
    run.fit(module, batches("binary", 16), batches("binary", 12))
    path = tmp_path / "epoch=1.ckpt"
    run.test(module, batches("binary", 12, first=50), ckpt_path=path, verbose=False)
    assert torch.equal(module.predictions["val"].scores, kept[1])
    assert not torch.equal(kept[1], kept[2])
    assert module.predictions["test"].index[0] == 50
    assert "test/sensitivity" in run.callback_metrics
    torch.load(path, weights_only=True)


def test_our_own_checkpoint_is_a_file_of_weights(tmp_path: Path) -> None:
    module = classifier()
    run = trainer(tmp_path)
    run.fit(module, batches("binary", 8))
    run.save_checkpoint(tmp_path / "cell.ckpt")
    network = create_backbone("test_resnet", 2, f"file:{tmp_path / 'cell.ckpt'}")
    assert all(torch.equal(v, module.backbone.state_dict()[k]) for k, v in network.state_dict().items())


class Halt(pl.Callback):
    """Stop after the first epoch, as if killed there."""

    def on_train_epoch_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        trainer.should_stop = True


def test_resuming_at_an_epochs_boundary_changes_nothing(tmp_path: Path) -> None:
    def dropping() -> Classifier:
        network = create_backbone("test_efficientnet", 2, False)
        network.drop_rate = 0.5
        return Classifier(network, task="binary", classes=["a", "b"], seed=3)

    straight, resumed = dropping(), dropping()
    trainer(tmp_path, 2, enable_checkpointing=False).fit(straight, batches("binary", 16))
    first = trainer(tmp_path, 2, callbacks=[Halt(), ModelCheckpoint(tmp_path, save_last=True)])
    first.fit(dropping(), batches("binary", 16))
    torch.manual_seed(99)
    trainer(tmp_path, 2, enable_checkpointing=False).fit(
        resumed, batches("binary", 16), ckpt_path=tmp_path / "last.ckpt"
    )
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))


def test_a_training_that_had_stopped_early_is_not_resumed(tmp_path: Path) -> None:
    def stopping(epochs: int, **options: Any) -> pl.Trainer:
        patience = Patience("val/loss", 2)
        return trainer(tmp_path, epochs, callbacks=[patience, ModelCheckpoint(tmp_path, filename="last")], **options)

    run, module = stopping(9), classifier(lr=0.0, weight_decay=0.0, finetune="head")
    run.fit(module, batches("binary", 16), batches("binary", 12))
    assert run.current_epoch == 3
    again = stopping(9)
    again.fit(module, batches("binary", 16), batches("binary", 12), ckpt_path=tmp_path / "last.ckpt")
    assert again.global_step == run.global_step == 6


def test_gradients_are_clipped_in_every_precision(tmp_path: Path) -> None:
    for precision in ("32-true", "bf16-mixed"):
        module = classifier(optimizer="sgd", lr=1.0, weight_decay=0.0, warmup_fraction=0.0)
        before = torch.cat([p.detach().flatten() for p in module.parameters()]).clone()
        options = {"gradient_clip_val": 1e-3, "precision": precision, "max_steps": 1}
        trainer(tmp_path, enable_checkpointing=False, **options).fit(module, batches("binary", 8))
        moved = torch.cat([p.detach().flatten() for p in module.parameters()]) - before
        assert moved.norm() == pytest.approx(1.9e-3, rel=0.01)  # Nesterov: (1 + momentum) · gradient


def test_a_loss_that_is_not_finite_stops_with_step_and_learning_rate(tmp_path: Path) -> None:
    loader = list(batches("binary", 24))
    loader[1].pixels[0] = float("nan")
    for clipped, way_out in ((None, r"use a lower lr, or clip gradients \(trainer"), (1.0, r"use a lower lr\.$")):
        with pytest.raises(NotFinite, match=rf"epoch 0, step 2, at learning rate 0\.00\d+: {way_out}"):
            trainer(tmp_path, enable_checkpointing=False, gradient_clip_val=clipped).fit(
                classifier(), DataLoader(loader, batch_size=None)
            )


def test_scores_that_are_not_finite_stop_too(tmp_path: Path) -> None:
    loader = list(batches("binary", 8))
    loader[0].pixels[0] = float("nan")
    with pytest.raises(NotFinite, match="scores of the test split"):
        trainer(tmp_path).test(classifier(), DataLoader(loader, batch_size=None), verbose=False)


class Table(nn.Module):
    """A learned colour: gray → three channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, gray: Tensor) -> Tensor:
        return gray[:, :1] * self.weight[:, None, None]

    def smoothness(self) -> Tensor:
        return self.weight.diff().square().sum()


def test_a_learned_colour_is_applied_and_trained(tmp_path: Path) -> None:
    table = Table()
    module = classifier(color=table, color_lr=0.1)
    trainer(tmp_path, enable_checkpointing=False).fit(module, batches("binary", 16))
    assert not torch.equal(table.weight.detach(), torch.ones(3))


def test_a_learned_colour_does_not_await_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look for NaN waits for all that the device still computes; the renderer has looked."""
    module = classifier(color=ColorTransform("learned:viridis", (0.5,) * 3, (0.2,) * 3))
    pixels = torch.rand(2, 1, 64, 64)
    expected = module.eval()(pixels)
    monkeypatch.setattr(torch.Tensor, "isnan", lambda *_: pytest.fail("looked for NaN"))
    assert torch.equal(module(pixels), expected)


def test_frozen_layers_stay_through_training(tmp_path: Path) -> None:
    module = classifier(finetune="head")
    before = {key: value.clone() for key, value in module.backbone.state_dict().items()}
    trainer(tmp_path, enable_checkpointing=False).fit(module, batches("binary", 16), batches("binary", 8))
    changed = {k for k, v in module.backbone.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"fc.weight", "fc.bias"}


def test_class_weights_and_label_smoothing_enter_the_loss() -> None:
    logits, label = torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 1])
    plain, weighted = classifier().loss(logits, label), classifier(class_weights=[3, 1]).loss(logits, label)
    assert weighted > plain
    smooth = classifier(label_smoothing=0.2).loss(logits, label)
    assert smooth == pytest.approx(nn.functional.cross_entropy(logits, label, label_smoothing=0.2).item())
    many = classifier("multilabel", label_smoothing=0.2)
    target = torch.tensor([[1.0, 0.0, 1.0]])
    expected = nn.functional.binary_cross_entropy_with_logits(torch.ones(1, 3), target * 0.8 + 0.1)
    assert many.loss(torch.ones(1, 3), target).item() == pytest.approx(expected.item())


def test_a_binary_task_has_two_classes() -> None:
    with pytest.raises(MedxferError, match="2 classes, not 3"):
        Classifier(nn.Linear(2, 3), task="binary", classes=["a", "b", "c"], seed=0)
