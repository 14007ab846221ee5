"""Features: what the frozen part of a network gives for each film, computed once and kept on disk."""

from hilum.features.batches import FeatureBatches
from hilum.features.compute import compute, refuse_unknown_stages
from hilum.features.store import Store, store_for

__all__ = ["FeatureBatches", "Store", "compute", "refuse_unknown_stages", "store_for"]
