"""How much each place of a film speaks for a class, by four methods; the arithmetic is captum's where it has it.

- `gradcam` (Selvaraju et al., ICCV 2017): the last maps of the trunk, weighted by their mean gradients.
- `gradcam++` (Chattopadhay et al., WACV 2018): the same maps, weighted by the gradients of what is there of each.
- `integrated-gradients` (Sundararajan et al., ICML 2017): gradients along the way from an even grey to the film. A
  normalisation that standardises each film makes that way a jump, because it undoes every change of brightness and
  contrast; from black it has no gradient at all. So the way starts and ends behind the normalisation: from a film of
  its own mean grey, of which the network knows nothing, to the film. The map adds up to the difference of the two
  films' logits, with 50 steps within a tenth of a logit.
- `occlusion` (Zeiler & Fergus, ECCV 2014): what the logit loses when a square takes the film's mean grey; its side is
  an eighth of the film's, and it moves by half of that.
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

STEPS = 50  # gradients along the way of integrated gradients
PART = 8  # films that go through the network at a time
_BLACK = 0.02  # of the grey range: what no X-ray reached, left out of a film's mean
Score = Callable[[Tensor], Tensor]


def attribute(model: nn.Module, films: NDArray[np.uint8], method: Method, target: int) -> NDArray[np.float32]:
    """How much each place of each film speaks for a class; below 0 against it.

    The maps are in logits and not scaled: `occlusion`'s and those of `integrated-gradients` can be compared from film
    to film. The papers' Grad-CAM and Grad-CAM++ keep only what is above 0: `np.maximum(maps, 0)`.

    Args:
        model: a `hilum.models.Network`, or what holds one or several and calls each once a film. The networks of
            an ensemble are explained together, each by its share of the common logit. The model's weights, mode and
            gradients are left unchanged.
        films: (n, size, size) uint8, preprocessed.
        method: one of METHODS.
        target: the class's place among the bundle's classes. With one logit, which is of the second of two classes,
            0 gives its negative.

    Returns:
        (n, size, size) float32; the same for a film whatever films it is with.

    Raises:
        ValueError: the films, the method or the class are not such.
        RequestError: the model looks at a film several times (in parts, at several scales, in the mirror), and the
            method is not `occlusion`.
    """
    if films.ndim != 3 or films.dtype != np.uint8:
        raise ValueError(f"films are (n, size, size) uint8, not {films.shape} {films.dtype}")
    if method not in METHODS:
        raise ValueError(f"no method '{method}'; there are {', '.join(METHODS)}")
    networks = networks_of(model)
    device = next(model.parameters()).device
    maps = np.empty(films.shape, dtype=np.float32)
    with _in_evaluation_mode(model):
        score = partial(_score, model, target)
        for index, film in enumerate(films):
            grey = torch.from_numpy(film).to(device, torch.float32).div(255)[None, None]
            if not index:
                _require_one_look(model, networks, grey, method)
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
    # The common logit's gradient already holds each network's share of it.
    maps = [LayerGradCam(score, layer).attribute(film.requires_grad_()) for layer in _last_maps(networks)]
    return sum((_spread(each, film) for each in maps), torch.zeros_like(film))


def _gradcam_plus_plus(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    """The paper's weights for an exponential score; its factor exp(logit) only scales a map and is left out."""
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
        # The paper's maps are rectified. Those of a batch norm may be negative, and their sum a pole of the ratio.
        amount = maps.clamp_min(0).sum(dim=(2, 3), keepdim=True)
        bottom = 2 * gradient.square() + amount * gradient.pow(3)
        alpha = torch.where(gradient > 0, gradient.square() / bottom, 0)
        weights = (alpha * gradient.clamp_min(0)).sum(dim=(2, 3), keepdim=True)
        whole = whole + _spread((weights * maps).sum(dim=1, keepdim=True), film)
    return whole.detach()


def _integrated_gradients(score: Score, networks: list[nn.Module], film: Tensor) -> Tensor:
    layers = [each.get_submodule("normalise") for each in networks]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Multiple layers provided")  # none lies behind another
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


def _spread(maps: Tensor, film: Tensor) -> Tensor:
    """Coarse maps at the film's size."""
    return functional.interpolate(maps.detach(), film.shape[-2:], mode="bilinear", align_corners=False)


def _mean_grey(film: Tensor) -> Tensor:
    """The film without anything on it: its exposed part's mean grey everywhere."""
    exposed = film[film > _BLACK]
    return torch.full_like(film, float(exposed.mean()) if len(exposed) else 0.0)


def _require_one_look(model: nn.Module, networks: list[nn.Module], film: Tensor, method: Method) -> None:
    """Raise RequestError where a method that asks a layer would see only one of several looks."""
    if method == "occlusion":
        return
    looks: list[nn.Module] = []
    hooks = [
        each.get_submodule("normalise").register_forward_hook(lambda layer, *_: looks.append(layer))
        for each in networks
    ]
    try:
        with torch.no_grad():
            model(film)
    finally:
        for hook in hooks:
            hook.remove()
    if len(looks) > len(networks):
        raise RequestError(
            f"{method} explains one look at a film, and this network averages {len(looks) // len(networks)} (scales, "
            "mirror images): take the method occlusion"
        )


@contextmanager
def _in_evaluation_mode(model: nn.Module) -> Iterator[None]:
    """In evaluation mode, and afterwards each part in the mode that it had."""
    modes = [(each, each.training) for each in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode
