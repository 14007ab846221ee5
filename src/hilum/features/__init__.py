"""Features: what the frozen part of a network gives for each film, computed once and kept on disk."""

from hilum.features.extraction import extract_features, refuse_unknown_stages
from hilum.features.feature_batches import FeatureBatches
from hilum.features.feature_store import FeatureStore, store_for

__all__ = ["FeatureBatches", "FeatureStore", "extract_features", "refuse_unknown_stages", "store_for"]
