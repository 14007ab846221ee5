"""Inference: a bundle and films in, probabilities out. No torch here."""

from hilum.inference.detector import SHIPPED, Detector

__all__ = ["SHIPPED", "Detector"]
