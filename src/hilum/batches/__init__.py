"""Batches: draw, augment, stack. Films come from the pixel cache and leave as tensors."""

from hilum.batches.augment import Views, apply, draw
from hilum.batches.batches import Batch, Batches, Change, Source, generator_of, of
from hilum.batches.crops import scale
from hilum.batches.mix import mix
from hilum.batches.order import ALL, Share, in_order, neighbours

__all__ = [
    "ALL",
    "Batch",
    "Batches",
    "Change",
    "Share",
    "Source",
    "Views",
    "apply",
    "draw",
    "generator_of",
    "in_order",
    "mix",
    "neighbours",
    "of",
    "scale",
]
