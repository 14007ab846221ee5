"""Networks: grey films from 0 to 1 in, logits out. Each is in the registry under its name."""

from hilum.models import s1_cnn
from hilum.models.registry import REGISTRY, Architecture, Network, ParameterCounts, build, count_parameters

__all__ = ["REGISTRY", "Architecture", "Network", "ParameterCounts", "build", "count_parameters", "s1_cnn"]
