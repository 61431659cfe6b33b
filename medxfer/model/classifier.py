"""The LightningModule: rendered batches → scores, the recipe, and predictions pooled over a split."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor, nn

from medxfer.base.batch import FeatureBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.model import seeds
from medxfer.model.freeze import freeze, keep_frozen_in_eval
from medxfer.model.head import find_head, reset_head
from medxfer.model.metrics import Task, choose_threshold, compute_metrics
from medxfer.model.predictions import Predictions, pooled
from medxfer.model.recipe import create_optimizer, parameter_groups, warmup_cosine

Split = Literal["val", "test"]
LOOK_EVERY = 50  # steps between looks at the losses on an accelerator, where a look waits for the device


class NotFinite(MedxferError):  # noqa: N818 (the text is a sentence about a state, not a kind of mistake)
    """A loss or score became NaN or infinite: this training cannot go on."""


class Classifier(pl.LightningModule):
    """A backbone trained to classify rendered images.

    After validation and test, `predictions["val"]` and `predictions["test"]` hold the split's scores, and
    `undefined` the reasons for the metrics that could not be computed ({"test/auroc": reason}). A checkpoint
    carries the validation scores of its weights: after `trainer.test(ckpt_path="best")` the scores of both
    splits are the best epoch's, and sensitivity and specificity are at the threshold chosen on its validation
    scores, without a second validation.

    Two trainings with the same seed start from the same head and draw the same dropout in each step, whatever
    their weights and colours, whatever else draws random numbers, and wherever they were resumed.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        task: Task,
        classes: Sequence[str],
        seed: int,
        lr: float = 1e-3,
        weight_decay: float = 0.05,
        optimizer: str = "adamw",
        warmup_fraction: float = 0.1,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        finetune: str = "full",
        backbone_lr_scale: float = 1.0,
        color: nn.Module | None = None,
        color_lr: float | None = None,
        color_smoothness: float = 1.0,
    ) -> None:
        """Take over `backbone` and draw its head anew from `seed`.

        Args:
            backbone: (B, C_in, H, W) → (B, len(classes)) logits.
            task: binary (two classes, softmax), multiclass (softmax) or multilabel (sigmoids).
            classes: their names, in the order of the labels.
            seed: of the head and of dropout.
            lr: highest learning rate of the head.
            weight_decay: of weights; none on norms, biases and tables.
            optimizer: adamw or sgd.
            warmup_fraction: of all steps; then half a cosine to 0.
            label_smoothing: in [0, 1).
            class_weights: one a class, in the loss; in multilabel tasks the weight of a label's positives.
            finetune: full, head or last:<k>: which layers are trained. With head alone, batches may be FeatureBatches.
            backbone_lr_scale: learning rate of the layers before the head, over the head's.
            color: applied to the pixels first (a learned table); `smoothness()`, if any, joins the loss.
            color_lr: learning rate of `color`; by default `lr`.
            color_smoothness: weight of its `smoothness()` in the loss.
        """
        super().__init__()
        if task == "binary" and len(classes) != 2:
            raise MedxferError(f"a binary task has 2 classes, not {len(classes)}: use multiclass.")
        classes = [str(name) for name in classes]  # plain types, so that checkpoints load with weights_only
        class_weights = None if class_weights is None else [float(weight) for weight in class_weights]
        self.save_hyperparameters(ignore=["backbone", "color"], logger=False)
        reset_head(backbone, seed)
        freeze(backbone, finetune)
        self.backbone = backbone
        self.color = color
        self.memory_format = torch.channels_last
        self.task: Task = task
        self.classes = classes
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", weights, persistent=False)
        self.predictions: dict[str, Predictions] = {}
        self.undefined: dict[str, str] = {}
        self._losses: list[tuple[Tensor, int]] = []  # of the running epoch: mean over a batch, its images
        self._rows: list[tuple[Tensor, Tensor, Tensor]] = []  # of the running split: index, label, logits
        self.train()  # the Trainer keeps the modes that it finds

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C) logits."""
        seen = pixels if self.color is None else self.color(pixels)
        return self.backbone(seen.contiguous(memory_format=self.memory_format))

    def scores(self, logits: Tensor) -> Tensor:
        """(B, C) logits → (B, C) float32 probabilities."""
        logits = logits.float()
        return logits.sigmoid() if self.task == "multilabel" else logits.softmax(dim=1)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Mean cross-entropy, in float32."""
        smoothing = self.hparams["label_smoothing"]
        if self.task == "multilabel":
            target = label.float() * (1.0 - smoothing) + 0.5 * smoothing
            return F.binary_cross_entropy_with_logits(logits.float(), target, pos_weight=self.class_weights)
        return F.cross_entropy(logits.float(), label, weight=self.class_weights, label_smoothing=smoothing)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen layers stay in eval mode."""
        super().train(mode)
        if mode and self.hparams["finetune"] != "full":
            keep_frozen_in_eval(self.backbone)
        return self

    def configure_optimizers(self) -> Any:
        """The recipe, with its schedule over the steps that the trainer expects."""
        keys = ("lr", "weight_decay", "backbone_lr_scale", "color_lr")
        groups = parameter_groups(self.backbone, self.color, **{key: self.hparams[key] for key in keys})
        optimizer = create_optimizer(self.hparams["optimizer"], groups)
        steps = self.trainer.estimated_stepping_batches
        schedule = warmup_cosine(optimizer, steps, self.hparams["warmup_fraction"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_start(self) -> None:
        """Put losses that a checkpoint brought back where the next ones will be."""
        self._losses = [(loss.to(self.device), images) for loss, images in self._losses]

    def on_train_epoch_start(self) -> None:
        """Reseed torch, for dropout and drop-path, from the seed and the epoch."""
        seed = seeds.derive(self.hparams["seed"], seeds.NOISE, self.current_epoch, self.global_rank)
        seeds.reseed(seed, self.device)
        self._losses = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one rendered batch; its dropout is drawn from the seed, the epoch and the step alone.

        Raises:
            NotFinite: it is NaN or infinite (on an accelerator, up to 50 steps later).
        """
        place = (self.current_epoch, batch_idx, self.global_rank)
        seeds.reseed(seeds.derive(self.hparams["seed"], seeds.NOISE, *place), self.device)
        label = _rendered(batch).label
        loss = self.loss(self._logits(batch), label)
        if self.trainer.world_size > 1:
            loss = loss * self._share_of_batch(label)
        if (smoothness := getattr(self.color, "smoothness", None)) is not None:
            loss = loss + self.hparams["color_smoothness"] * smoothness()
        self._losses.append((loss.detach(), len(label)))
        look_every = 1 if loss.device.type == "cpu" else LOOK_EVERY
        if len(self._losses) % look_every == 0:
            self._refuse_not_finite(self._losses[-look_every:])
        return loss

    def _share_of_batch(self, label: Tensor) -> Tensor:
        """What weighs this process's mean loss so that the mean over processes is the mean over the whole batch."""
        weights = None if self.task == "multilabel" else self.class_weights
        mass = torch.tensor(float(len(label)), device=label.device) if weights is None else weights[label].sum()
        return mass / torch.as_tensor(self.all_gather(mass)).mean()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After the epoch's last batch log its mean loss over images, before any callback's end of epoch.

        The last step of a budget in steps ends its epoch, wherever in it: that is validated like every other.
        """
        if 0 < self.trainer.max_steps <= self.trainer.global_step:
            self.trainer.should_stop = True
        elif not self.trainer.is_last_batch:
            return
        self._refuse_not_finite(self._losses)
        losses = torch.stack([loss for loss, _ in self._losses]).float()
        images = torch.tensor([n for _, n in self._losses], device=losses.device, dtype=losses.dtype)
        sums = torch.stack([losses @ images, images.sum()])
        sums = torch.as_tensor(self.all_gather(sums)).reshape(-1, 2).sum(dim=0)
        self.log("train/loss", sums[0] / sums[1], on_step=False, on_epoch=True, batch_size=1)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, *rest: Any, **more: Any
    ) -> None:
        """Clip as the Trainer says, also in bfloat16, where Lightning refuses fused optimisers for float16's sake."""
        plugin = self.trainer.precision_plugin
        if self.trainer.precision == "bf16-mixed" and gradient_clip_val:
            Precision.clip_gradients(plugin, optimizer, gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, *rest, **more)

    def _refuse_not_finite(self, losses: list[tuple[Tensor, int]]) -> None:
        everywhere = torch.as_tensor(self.all_gather(torch.stack([loss for loss, _ in losses])))  # all give up together
        bad = ~everywhere.reshape(-1, len(losses)).sum(dim=0).isfinite()
        if bool(bad.any()):
            batch = len(self._losses) - len(losses) + int(bad.int().argmax()) + 1
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise NotFinite(
                f"the loss is not finite in epoch {self.current_epoch}, step {batch}, at learning rate "
                f"{rate:.3g}: use a lower lr, or clip gradients (trainer.gradient_clip_val=1)."
            )

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the logits of one rendered batch for the epoch's end."""
        self._collect(batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the logits of one rendered batch for the epoch's end."""
        self._collect(batch)

    def predict_step(self, batch: Any, batch_idx: int) -> tuple[Tensor, Tensor]:
        """(index, scores) of one rendered batch; its labels are not looked at."""
        return _rendered(batch).row, self.scores(self._logits(batch))

    def on_validation_epoch_end(self) -> None:
        """Log val/loss and val/<metric> over the whole split."""
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        """Log test/loss and test/<metric> over the whole split."""
        self._finish("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the validation scores of these weights beside them, and the running epoch's losses so far."""
        checkpoint["losses"] = [(float(loss), images) for loss, images in self._losses]
        if "val" in self.predictions:
            checkpoint["val_predictions"] = dict(vars(self.predictions["val"]))
            checkpoint["undefined"] = self.undefined

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring back the validation scores of the loaded weights, and the losses."""
        self.undefined = dict(checkpoint.get("undefined", {}))
        self._losses = [(torch.tensor(loss), images) for loss, images in checkpoint.get("losses", [])]
        self.predictions.pop("val", None)
        if "val_predictions" in checkpoint:
            self.predictions["val"] = Predictions(**checkpoint["val_predictions"])

    def _collect(self, batch: Any) -> None:
        _, label, index = _rendered(batch)
        self._rows.append((index, label, self._logits(batch).float()))

    def _logits(self, batch: RenderedBatch | FeatureBatch) -> Tensor:
        if isinstance(batch, FeatureBatch):
            (head,) = find_head(self.backbone)
            return head(batch.features)
        return self(batch.pixels)

    def _finish(self, split: Split) -> None:
        rows, self._rows = self._rows, []
        if self.trainer.sanity_checking:
            return
        index, label, logits = pooled(rows, self.trainer.world_size)
        if not bool(logits.isfinite().all()):
            raise NotFinite(f"scores of the {split} split are not finite in epoch {self.current_epoch}: lower lr.")
        loss = self.loss(logits, label)
        found = self.predictions[split] = Predictions(index.cpu(), label.cpu(), self.scores(logits).cpu())
        values, undefined = compute_metrics(found.scores, found.label, self.task, self.classes, self.threshold())
        self.undefined = {name: why for name, why in self.undefined.items() if not name.startswith(f"{split}/")}
        self.undefined |= {f"{split}/{name}": why for name, why in undefined.items()}
        self.log_dict({f"{split}/{name}": value for name, value in ({"loss": float(loss)} | values).items()})

    def threshold(self) -> float | None:
        """What a score of class 1 must exceed, chosen on the validation scores; None where there is no such choice."""
        val = self.predictions.get("val")
        return choose_threshold(val.scores, val.label) if val is not None and self.task == "binary" else None


def _rendered(batch: Any) -> RenderedBatch | FeatureBatch:
    if not isinstance(batch, RenderedBatch | FeatureBatch):
        raise MedxferError(
            f"a batch ({type(batch).__name__}) has not been through the renderer: use GrayDataModule, "
            "or render it with its renderer, before the network sees it."
        )
    return batch
