"""Initial weights of a network: located, read in any of several formats, and matched by name and shape."""

from hilum.weights.load import load
from hilum.weights.locate import locate
from hilum.weights.read import WeightsFile, read
from hilum.weights.report import Report
from hilum.weights.vgg11 import start_from_vgg11

__all__ = ["Report", "WeightsFile", "load", "locate", "read", "start_from_vgg11"]
