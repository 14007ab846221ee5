"""Networks: grey films from 0 to 1 in, logits out. Each is in the registry under its name."""

from hilum.models import resnet, s1_cnn, vgg
from hilum.models.body import Body
from hilum.models.counts import ParameterCounts, count_parameters
from hilum.models.dropout import part_of_batch
from hilum.models.profile import step_memory
from hilum.models.registry import REGISTRY, Architecture, Network, build, outputs_for

__all__ = [
    "REGISTRY",
    "Architecture",
    "Body",
    "Network",
    "ParameterCounts",
    "build",
    "count_parameters",
    "outputs_for",
    "part_of_batch",
    "resnet",
    "s1_cnn",
    "step_memory",
    "vgg",
]
