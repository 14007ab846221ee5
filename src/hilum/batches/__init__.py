"""Batches: draw, augment, stack. Films come from the pixel cache and leave as tensors."""

from hilum.batches.augment import Views, apply, draw
from hilum.batches.batches import Batch, Batches, Source, generator_of, of

__all__ = ["Batch", "Batches", "Source", "Views", "apply", "draw", "generator_of", "of"]
