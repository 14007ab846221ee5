"""Batches: draw, augment, stack. Films come from the pixel cache and leave as tensors."""

from hilum.batches.augment import Views, apply, draw
from hilum.batches.batches import Batch, Batches, of

__all__ = ["Batch", "Batches", "Views", "apply", "draw", "of"]
