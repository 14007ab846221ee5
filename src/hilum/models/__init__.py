"""Networks: grey images from 0 to 1 in, logits out. Each architecture is in the registry under its name."""

from hilum.models import densenet, efficientnet, resnet, s1_cnn, vgg
from hilum.models.body import Body
from hilum.models.catalog import ModelInfo, ModelProfile, list_models, profile_models
from hilum.models.counts import ParameterCounts, count_parameters, multiply_adds
from hilum.models.dense import DenseEvaluation
from hilum.models.deploy import InParts, deploy
from hilum.models.dropout import part_of_batch
from hilum.models.fused import Fused, log_probabilities, mean_of_probabilities
from hilum.models.profile import step_memory
from hilum.models.registry import REGISTRY, Architecture, Network, build, outputs_for
from hilum.models.unet import VIEWS, LungNetwork, LungProbabilities

__all__ = [
    "REGISTRY",
    "VIEWS",
    "Architecture",
    "Body",
    "DenseEvaluation",
    "Fused",
    "InParts",
    "LungNetwork",
    "LungProbabilities",
    "ModelInfo",
    "ModelProfile",
    "Network",
    "ParameterCounts",
    "build",
    "count_parameters",
    "densenet",
    "deploy",
    "efficientnet",
    "list_models",
    "log_probabilities",
    "mean_of_probabilities",
    "multiply_adds",
    "outputs_for",
    "part_of_batch",
    "profile_models",
    "resnet",
    "s1_cnn",
    "step_memory",
    "vgg",
]
