"""Inference: a bundle and films in, probabilities out. No torch here."""

from hilum.inference.detector import Detector
from hilum.inference.film_items import Films, film_items
from hilum.inference.predictions_table import PredictionsTable

__all__ = ["Detector", "Films", "PredictionsTable", "film_items"]
