"""Training: loss, schedule and one loop. Batches and a network go in, weights and a history come out."""

from hilum.training.choosing import choose, choose_out_of_fold
from hilum.training.figures import logits_of
from hilum.training.loop import Run, check, fit
from hilum.training.loss import class_weights, losses
from hilum.training.precision import pin_precision

__all__ = [
    "Run", "check", "choose", "choose_out_of_fold", "class_weights", "fit", "logits_of", "losses", "pin_precision",
]  # fmt: skip
