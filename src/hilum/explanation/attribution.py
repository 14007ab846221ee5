"""How much each pixel of a film speaks for a class, by four methods; captum computes what it provides.

- `gradcam` (Selvaraju et al., ICCV 2017): the last feature maps of the body, weighted by their mean gradients.
- `gradcam++` (Chattopadhay et al., WACV 2018): the same maps, weighted by weighted averages of the positive
gradients.
- `integrated-gradients` (Sundararajan et al., ICML 2017): gradients along the path from an even grey to the film. A
  normalisation that standardises each film makes this path a jump, because it undoes every change of brightness and
  contrast; from black it has no gradient at all. So the path starts and ends after the normalisation: from a film of
  its own mean grey to the film. The map sums to the difference of the two films' logits; with 50 steps, to within a
  tenth of a logit.
- `occlusion` (Zeiler & Fergus, ECCV 2014): how much the logit falls when a square is set to the film's mean grey;
  its side is an eighth of the film's, and its stride half of that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import torch
from captum.attr import LayerGradCam, LayerIntegratedGradients, Occlusion
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hilum.errors import RequestError

Method = Literal["gradcam", "gradcam++", "integrated-gradients", "occlusion"]
METHODS: tuple[Method, ...] = get_args(Method)

STEPS = 50  # of integrated gradients
PART = 8  # films in a batch
_BLACK = 0.02  # of the grey range: what no X-ray reached, excluded from a film's mean
Score = Callable[[Tensor], Tensor]


def attribute(model: nn.Module, films: NDArray[np.uint8], method: Method, target: int) -> NDArray[np.float32]:
    """Compute how much each pixel of each film speaks for a class; negative values speak against it.

    The maps are in logits and not scaled: those of `occlusion` and of `integrated-gradients` can be compared between
    films. The papers' Grad-CAM and Grad-CAM++ keep only positive values: `np.maximum(maps, 0)`.

    Args:
        model: a `hilum.models.Network`, or a module that holds one or several and calls each once for a film. The
            networks of an ensemble are explained together, each by its share of the common logit. The model's
            weights, mode and gradients are left unchanged.
        films: (n, size, size) uint8, preprocessed.
        method: one of METHODS.
        target: the index of the class among the bundle's classes. With one logit, which is the second class's, 0
            gives its negative.

    Returns:
        (n, size, size) float32. A film's map does not depend on the other films.

    Raises:
        ValueError: invalid films, an unknown method, or no such class.
        RequestError: the model averages several views of a film (crops, scales, mirror images), and the method is not
            `occlusion`.
    """
    if films.ndim != 3 or films.dtype != np.uint8:
        raise ValueError(f"films must be (n, size, size) uint8, not {films.shape} {films.dtype}")
    if method not in METHODS:
        raise ValueError(f"there is no method '{method}'; the methods are {', '.join(METHODS)}")
    networks = networks_of(model)
    device = next(model.parameters()).device
    maps = np.empty(films.shape, dtype=np.float32)
    with _in_evaluation_mode(model):
        score = partial(_score, model, target)
        for index, film in enumerate(films):
            grey = torch.from_numpy(film).to(device, torch.float32).div(255)[None, None]
            if not index:
                _require_one_view(model, networks, grey, method)
            maps[index] = _METHODS[method](score, networks, grey)[0, 0].cpu().numpy()
    return maps


def networks_of(model: nn.Module) -> list[nn.Module]:
    """The networks in a model, each with its `normalise` and its `body`.

    Raises:
        ValueError: there is none.
    """
    networks = [each for each in model.modules() if hasattr(getattr(each, "body", None), "attribution_layers")]
    if not networks:
        raise ValueError(f"a {type(model).__name__} holds no network with a body that names its attribution layers")
    return networks


def _gradcam(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    # The gradient of the common logit already contains each network's share.
    maps = [LayerGradCam(score, layer).attribute(film.requires_grad_()) for layer in _last_maps(networks)]
    return sum((_upsample(each, film) for each in maps), torch.zeros_like(film))


def _gradcam_plus_plus(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    """The paper's weights for an exponential score; its factor exp(logit) only scales a map and is omitted."""
    layers = _last_maps(networks)
    caught: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda *call: caught.append(call[2])) for layer in layers]
    try:
        logit = score(film.requires_grad_())
        gradients = torch.autograd.grad(logit.sum(), caught)
    finally:
        for hook in hooks:
            hook.remove()
    whole = torch.zeros_like(film)
    for maps, gradient in zip(caught, gradients, strict=True):
        # The paper's maps are rectified. Those of a batch norm may be negative, and their sum may be a pole of the
        # ratio.
        amount = maps.clamp_min(0).sum(dim=(2, 3), keepdim=True)
        bottom = 2 * gradient.square() + amount * gradient.pow(3)
        alpha = torch.where(gradient > 0, gradient.square() / bottom, 0)
        weights = (alpha * gradient.clamp_min(0)).sum(dim=(2, 3), keepdim=True)
        whole = whole + _upsample((weights * maps).sum(dim=1, keepdim=True), film)
    return whole.detach()


def _integrated_gradients(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    layers = [each.get_submodule("normalise") for each in networks]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Multiple layers provided")  # none follows another
        steps = LayerIntegratedGradients(score, layers).attribute(
            film, _mean_grey(film), n_steps=STEPS, method="gausslegendre", internal_batch_size=PART
        )
    return sum((each.sum(dim=1, keepdim=True) for each in steps), torch.zeros_like(film)).detach()


def _occlusion(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    window = max(2, film.shape[-1] // 8)
    with torch.no_grad():
        lost: Tensor = Occlusion(score).attribute(
            film,
            sliding_window_shapes=(1, window, window),
            strides=(1, window // 2, window // 2),
            baselines=_mean_grey(film),
            perturbations_per_eval=PART,
        )
    return lost


_METHODS: dict[Method, Callable[[Score, list[nn.Module], Tensor], Tensor]] = {
    "gradcam": _gradcam,
    "gradcam++": _gradcam_plus_plus,
    "integrated-gradients": _integrated_gradients,
    "occlusion": _occlusion,
}


def _score(model: nn.Module, target: int, films: Tensor) -> Tensor:
    """The logit of one class, (n,)."""
    logits: Tensor = model(films)
    classes = max(2, logits.shape[1])
    if not 0 <= target < classes:
        raise ValueError(f"no class {target}: there are {classes}, counted from 0")
    if logits.shape[1] == 1:
        return logits[:, 0] if target else -logits[:, 0]
    return logits[:, target]


def _last_maps(networks: list[nn.Module]) -> list[nn.Module]:
    bodies: list[Any] = [each.body for each in networks]
    return [body.get_submodule(body.attribution_layers[-1]) for body in bodies]


def _upsample(maps: Tensor, film: Tensor) -> Tensor:
    """Scale coarse maps to the film's size."""
    return functional.interpolate(maps.detach(), film.shape[-2:], mode="bilinear", align_corners=False)


def _mean_grey(film: Tensor) -> Tensor:
    """An empty film: the mean grey of the film's exposed part everywhere."""
    exposed = film[film > _BLACK]
    return torch.full_like(film, float(exposed.mean()) if len(exposed) else 0.0)


def _require_one_view(model: nn.Module, networks: list[nn.Module], film: Tensor, method: Method) -> None:
    """Raise RequestError if the model averages several views of a film, of which a layer's hook sees only one."""
    if method == "occlusion":
        return
    views: list[nn.Module] = []
    hooks = [
        each.get_submodule("normalise").register_forward_hook(lambda layer, *_: views.append(layer))
        for each in networks
    ]
    try:
        with torch.no_grad():
            model(film)
    finally:
        for hook in hooks:
            hook.remove()
    if len(views) > len(networks):
        raise RequestError(
            f"{method} explains one view of a film, and this network averages {len(views) // len(networks)} (scales, "
            "mirror images): use the method occlusion"
        )


@contextmanager
def _in_evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and restore each module's mode afterwards."""
    modes = [(each, each.training) for each in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode
