"""Training: loss function, schedule and one loop. Batches and a network go in, weights and a history come out."""

from hilum.training.controls import with_controls
from hilum.training.loop import check_recipe, fit
from hilum.training.loss import class_weights, film_losses
from hilum.training.operating_point import choose_operating_point, choose_out_of_fold
from hilum.training.precision import pin_precision
from hilum.training.trainer import FitResult
from hilum.training.validation import predict_logits

__all__ = [
    "FitResult",
    "check_recipe",
    "choose_operating_point",
    "choose_out_of_fold",
    "class_weights",
    "film_losses",
    "fit",
    "pin_precision",
    "predict_logits",
    "with_controls",
]  # fmt: skip
