"""The LightningModule: rendered batches → scores, the recipe, and predictions pooled over a split."""

from collections.abc import Sequence
from typing import Any, Self

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor, nn

from medxfer.base.batch import FeatureBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.base.series import BySeries
from medxfer.base.words import Task
from medxfer.model import seeds
from medxfer.model.layers import find_head, freeze, keep_frozen_in_eval, reset_head
from medxfer.model.metrics import Predictions, choose_threshold, compute_metrics
from medxfer.model.recipe import create_optimizer, parameter_groups, warmup_cosine

LOOK_EVERY = 50  # steps between looks at the losses on an accelerator, where a look waits for the device


def ends_epoch(trainer: pl.Trainer) -> bool:
    """Whether the batch that was trained is its epoch's last one: the last of all, or that of a budget in steps."""
    return trainer.is_last_batch or 0 < trainer.max_steps <= trainer.global_step


class NotFinite(MedxferError):  # noqa: N818 (the text is a sentence about a state, not a kind of mistake)
    """A loss or score became NaN or infinite: this training cannot go on."""


class Classifier(pl.LightningModule):
    """A backbone trained to classify rendered images.

    After validation and test, `predictions["val"]` and `predictions["test"]` hold the split's scores, and
    `undefined` the reasons for the metrics that could not be computed ({"test/auroc": reason}). With `by_series` the
    metrics and the threshold are of series, scored from their images; the loss is of images always. A checkpoint
    carries the validation scores of its weights: after `trainer.test(ckpt_path="best")` the scores of both
    splits are the best epoch's, and all that is decided is decided at the threshold chosen on its validation scores,
    without a second validation.

    Trainings with the same seed start from the same head and draw the same dropout in each step, whatever their
    weights, colours and other random draws are, also after they were resumed.
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
            optimizer: a name in recipe.OPTIMIZERS.
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
        self.backbone, self.color, self.memory_format = backbone, color, torch.channels_last
        self.task, self.classes = task, classes
        self.class_weights: Tensor | None
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)
        self.predictions: dict[str, Predictions] = {}
        self.undefined: dict[str, str] = {}
        self.by_series: BySeries | None = None  # of the rows that batches name
        self._losses: list[tuple[Tensor, int]] = []  # of the running epoch: mean over a batch, its images
        self._rows: list[tuple[Tensor, Tensor, Tensor]] = []  # of the running split: logits, label, row
        self.train()  # the Trainer keeps the modes that it finds

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C) logits."""
        # What a renderer has made holds no NaN: `lookup` does not look for any, for which it would await the device.
        seen = pixels if self.color is None else getattr(self.color, "lookup", self.color)(pixels)
        logits: Tensor = self.backbone(seen.contiguous(memory_format=self.memory_format))
        return logits

    def scores(self, logits: Tensor) -> Tensor:
        """(B, C) logits → (B, C) float32 probabilities."""
        return logits.float().sigmoid() if self.task == "multilabel" else logits.float().softmax(dim=1)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Mean cross-entropy, in float32."""
        smoothing = self.hparams["label_smoothing"]
        if self.task == "multilabel":
            target = label.float() * (1.0 - smoothing) + 0.5 * smoothing
            return F.binary_cross_entropy_with_logits(logits.float(), target, pos_weight=self.class_weights)
        return F.cross_entropy(logits.float(), label, weight=self.class_weights, label_smoothing=smoothing)

    def lay_out(self, channels_last: bool) -> None:
        """Keep the backbone's weights, and the images it is given, in channels_last or in contiguous memory."""
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.backbone.to(memory_format=self.memory_format)

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
        # Lightning's scaler of float16 gradients cannot clip what a fused optimiser would unscale.
        fused = self.trainer.precision != "16-mixed"
        optimizer = create_optimizer(self.hparams["optimizer"], groups, fused)
        schedule = warmup_cosine(optimizer, self.trainer.estimated_stepping_batches, self.hparams["warmup_fraction"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_start(self) -> None:
        """Move the losses that came from a checkpoint to the device of the next ones."""
        self._losses = [(loss.to(self.device), images) for loss, images in self._losses]

    def on_train_epoch_start(self) -> None:
        self._reseed(self.current_epoch)
        self._losses = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one rendered batch; its dropout is drawn from the seed, the epoch and the step alone.

        Raises:
            NotFinite: it is NaN or infinite (on an accelerator, up to 50 steps later).
        """
        self._reseed(self.current_epoch, batch_idx)
        loss = self.loss(self._logits(batch), batch.label)
        if (smoothness := getattr(self.color, "smoothness", None)) is not None:
            loss = loss + self.hparams["color_smoothness"] * smoothness()
        self._losses.append((loss.detach(), len(batch.label)))
        look_every = 1 if loss.device.type == "cpu" else LOOK_EVERY
        if len(self._losses) % look_every == 0:
            self._refuse_not_finite(self._losses[-look_every:])
        return loss

    def _reseed(self, *place: int) -> None:
        """Let dropout and drop-path follow from the seed and `place` (epoch, step)."""
        # The last 0 was a process's number: without it, resumed trainings would draw other dropout than before.
        seeds.reseed(seeds.derive(self.hparams["seed"], seeds.NOISE, *place, 0), self.device)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After the epoch's last batch log its mean loss over images, before any callback's end of epoch.

        The last step of a budget in steps ends its epoch early; that epoch is validated like every other.
        """
        if not ends_epoch(self.trainer):
            return
        if not self.trainer.is_last_batch:
            self.trainer.should_stop = True
        self._refuse_not_finite(self._losses)
        losses = torch.stack([loss for loss, _ in self._losses]).float()
        images = torch.tensor([n for _, n in self._losses], device=losses.device, dtype=losses.dtype)
        self.log("train/loss", losses @ images / images.sum(), on_step=False, on_epoch=True, batch_size=1)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, *rest: Any, **more: Any
    ) -> None:
        """Clip as the Trainer says, also in bfloat16, where Lightning refuses fused optimisers (it must in float16)."""
        if self.trainer.precision == "bf16-mixed" and gradient_clip_val:
            Precision.clip_gradients(self.trainer.precision_plugin, optimizer, gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, *rest, **more)

    def _refuse_not_finite(self, losses: list[tuple[Tensor, int]]) -> None:
        bad = ~torch.stack([loss for loss, _ in losses]).isfinite()
        if bool(bad.any()):
            batch = len(self._losses) - len(losses) + int(bad.int().argmax()) + 1
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            clip = "" if self.trainer.gradient_clip_val else ", or clip gradients (trainer.gradient_clip_val=1)"
            raise NotFinite(
                f"the loss is not finite in epoch {self.current_epoch}, step {batch}, at learning rate "
                f"{rate:.3g}: use a lower lr{clip}."
            )

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the logits of one rendered batch for the epoch's end."""
        self._rows.append((self._logits(batch).float(), batch.label, batch.row))

    test_step = validation_step

    def predict_step(self, batch: Any, batch_idx: int) -> tuple[Tensor, Tensor]:
        """(index, scores) of one rendered batch; its labels are ignored."""
        scores = self.scores(self._logits(batch))
        return batch.row, scores

    def on_validation_epoch_end(self) -> None:
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        self._finish("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the validation scores of these weights beside them, and the running epoch's losses so far."""
        checkpoint["losses"] = [(float(loss), images) for loss, images in self._losses]
        if val := self.predictions.get("val"):
            checkpoint |= {"val_predictions": dict(vars(val)), "undefined": self.undefined}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring back the validation scores of the loaded weights, and the losses."""
        self.undefined = dict(checkpoint.get("undefined", {}))
        self._losses = [(torch.tensor(loss), images) for loss, images in checkpoint.get("losses", [])]
        self.predictions = {"val": Predictions(**val)} if (val := checkpoint.get("val_predictions")) else {}

    def _logits(self, batch: Any) -> Tensor:
        if isinstance(batch, FeatureBatch):
            (head,) = find_head(self.backbone)
            logits: Tensor = head(batch.features)
        elif isinstance(batch, RenderedBatch):
            logits = self(batch.pixels)
        else:
            raise MedxferError(
                f"a batch ({type(batch).__name__}) has not been through the renderer: use GrayDataModule, or render it "
                "with its renderer, before the network sees it."
            )
        return logits

    def _finish(self, split: str) -> None:
        """Log <split>/loss and <split>/<metric> over the whole split, and keep its scores."""
        rows, self._rows = self._rows, []
        if self.trainer.sanity_checking:
            return
        logits, label, index = (torch.cat(column) for column in zip(*rows, strict=True))
        index, order = index.sort()
        logits, label = logits[order], label[order]
        if not bool(logits.isfinite().all()):
            raise NotFinite(f"scores of the {split} split are not finite in epoch {self.current_epoch}: lower lr.")
        loss = self.loss(logits, label)
        found = self.predictions[split] = Predictions(index.cpu(), label.cpu(), self.scores(logits).cpu())
        judged = self._judged(found)
        values, undefined = compute_metrics(judged.scores, judged.label, self.task, self.classes, self.threshold())
        others = {name: why for name, why in self.undefined.items() if not name.startswith(f"{split}/")}
        self.undefined = others | {f"{split}/{name}": why for name, why in undefined.items()}
        self.log_dict({f"{split}/{name}": value for name, value in ({"loss": float(loss)} | values).items()})

    def threshold(self) -> float:
        """What a score of class 1 must exceed, chosen on the validation scores.

        0.5 where it cannot be chosen, and for each label of a multi-label task.
        """
        return 0.5 if (chosen := self._chosen()) is None else chosen

    def threshold_from(self) -> str | None:
        """Where the threshold comes from, for the record; None where the highest score decides."""
        if self.task == "multiclass":
            return None
        return "fixed" if self._chosen() is None else "validation"

    def _chosen(self) -> float | None:
        if (val := self.predictions.get("val")) is None or self.task != "binary":
            return None
        judged = self._judged(val)
        return choose_threshold(judged.scores, judged.label)

    def _judged(self, found: Predictions) -> Predictions:
        """What metrics are computed of: the images, or the series that they are slices of."""
        if self.by_series is None:
            return found
        first, scores = self.by_series.pool(found.index.numpy(), found.scores.numpy())
        return Predictions(found.index[first], found.label[first], torch.from_numpy(scores))
