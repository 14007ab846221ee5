"""Networks that judge together say the weighted mean of their probabilities, however certain they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from hilum import models
from hilum.bundle import probabilities
from hilum.bundle.onnx_export import export_onnx
from hilum.models.fused import log_probabilities, mean_of_probabilities
from hilum.recipe import Model
from tests.models.make_torchvision_reference import fill


def drawn(outputs: int, films: int = 50, scale: float = 3.0, seed: int = 0) -> Tensor:
    return scale * torch.randn(films, outputs, generator=torch.Generator().manual_seed(seed))


def build(name: str, classes: int = 2, output: str = "auto") -> models.Network:
    network = models.build(Model(name, head="linear", output=output), 32, classes).eval()  # type: ignore[arg-type]
    fill(network)
    return network


@pytest.mark.parametrize("outputs", [(1, 1), (2, 2), (3, 3, 3), (1, 2), (2, 1, 1)])
def test_the_logits_have_the_weighted_mean_of_the_probabilities(outputs: tuple[int, ...]) -> None:
    logits = [drawn(each, seed=number) for number, each in enumerate(outputs)]
    shares = np.random.default_rng(0).dirichlet(np.ones(len(outputs)))
    expected = sum(share * probabilities(each.numpy()) for share, each in zip(shares, logits, strict=True))
    mean = mean_of_probabilities(logits, shares.tolist())
    assert mean.shape == (50, outputs[0] if len(set(outputs)) == 1 else 2)
    np.testing.assert_allclose(probabilities(mean.numpy()), expected, atol=1e-6)


def test_one_networks_logits_stay_as_they_are() -> None:
    torch.testing.assert_close(mean_of_probabilities([drawn(3)], [1.0]), drawn(3), rtol=0, atol=0)


def test_certainty_neither_overflows_nor_is_lost() -> None:
    """The odds of the mean are ½·e⁻³⁰⁰ + ½·e⁻²⁰⁰ to 1, and e⁻³⁰⁰ is nothing beside e⁻²⁰⁰: -200 - log 2."""
    mean = mean_of_probabilities([torch.tensor([[-300.0], [300.0]]), torch.tensor([[-200.0], [200.0]])], [0.5, 0.5])
    torch.testing.assert_close(mean, torch.tensor([[-200 - np.log(2)], [200 + np.log(2)]], dtype=torch.float32))
    said = log_probabilities(torch.tensor([[900.0, 0.0, -900.0]]))
    torch.testing.assert_close(said, torch.tensor([[0.0, -900.0, -1800.0]]))


@torch.no_grad()
def test_different_architectures_see_the_same_films() -> None:
    films = torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    plain = models.build(Model("resnet18", head="linear"), 48).eval()
    dense = models.DenseEvaluation(build("s1-cnn"), 48, 32, (32, 48), True).eval()
    fused = models.Fused([plain, dense], (0.25, 0.75)).eval()
    expected = 0.25 * probabilities(plain(films).numpy()) + 0.75 * probabilities(dense(films).numpy())
    np.testing.assert_allclose(probabilities(fused(films).numpy()), expected, atol=1e-6)


def test_onnx_says_the_same_of_one_logit_and_two(tmp_path: Path) -> None:
    fused = models.Fused([build("s1-cnn"), build("s1-cnn", output="softmax")], (0.3, 0.7)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    export_onnx(fused, pixels, tmp_path / "model.onnx", half=False)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    films = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = fused(films).numpy()
    assert expected.shape == (5, 2)
    np.testing.assert_allclose(session.run(["logits"], {"films": films.numpy()})[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("members", "shares"),
    [(0, ()), (2, (1.0,)), (2, (1.0, 0.0)), (2, (1.5, -0.5)), (2, (0.5, 0.4)), (2, (float("nan"), 0.5))],
)
def test_shares_that_are_none_are_refused(members: int, shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="shares"):
        models.Fused([nn.Identity() for _ in range(members)], shares)
