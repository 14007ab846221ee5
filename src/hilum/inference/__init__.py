"""Inference: a bundle and films in, probabilities out. No torch here."""

from hilum.inference.detector import SHIPPED, Detector
from hilum.inference.table import PredictionsTable

__all__ = ["SHIPPED", "Detector", "PredictionsTable"]
