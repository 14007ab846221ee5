"""A small network learns from what larger ones think possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hilum.errors import BundleError, RecipeError
from hilum.recipe import parse_recipe
from hilum.training.distillation import TeacherNetwork, make_teacher
from hilum.training.loss import film_losses
from tests.bundle.conftest import make


class Says(nn.Module):
    """The same logits of every film."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, films: Tensor) -> Tensor:
        assert films.shape[-1] == 16, "each teacher sees films of its own size"
        return self.logits[: len(films)]


def softmax(logits: np.ndarray) -> np.ndarray:
    each = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(each / each.sum(axis=1, keepdims=True))


FILMS = torch.rand(5, 1, 32, 32)
TAUGHT, SAID = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
LABELS = torch.tensor([0, 1, 2, 2, 1])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_the_cost_is_hintons(temperature: float) -> None:
    """A share of the label's cost, and T² times the divergence of the softened probabilities."""
    teacher = TeacherNetwork([(Says(torch.from_numpy(TAUGHT)), 16)], weight=0.7, temperature=temperature)
    costs = film_losses(torch.from_numpy(SAID), LABELS, None)
    given = teacher.distillation_loss(costs, torch.from_numpy(SAID), FILMS)
    p, q = softmax(TAUGHT.astype(np.float64) / temperature), softmax(SAID.astype(np.float64) / temperature)
    expected = 0.3 * costs.numpy() + 0.7 * temperature**2 * (p * np.log(p / q)).sum(axis=1)
    np.testing.assert_allclose(given.numpy(), expected, rtol=1e-4)


def test_several_teachers_teach_the_mean_of_their_probabilities() -> None:
    networks = [(Says(torch.from_numpy(logits)), 16) for logits in (TAUGHT, SAID)]
    given = TeacherNetwork(networks, 0.5, 1.0).log_probs(FILMS)
    np.testing.assert_allclose(given.exp().numpy(), (softmax(TAUGHT) + softmax(SAID)) / 2, rtol=1e-5)


def test_one_logit_is_taught_as_two() -> None:
    one = torch.from_numpy(TAUGHT[:, :1])
    two = torch.cat([torch.zeros_like(one), one], dim=1)
    costs, said = torch.ones(5), torch.from_numpy(SAID[:, :1])
    by_one = TeacherNetwork([(Says(one), 16)], 0.5, 3.0).distillation_loss(costs, said, FILMS)
    by_two = TeacherNetwork([(Says(two), 16)], 0.5, 3.0).distillation_loss(costs, said, FILMS)
    torch.testing.assert_close(by_one, by_two)


def test_who_says_what_the_teacher_says_pays_nothing() -> None:
    teacher = TeacherNetwork([(Says(torch.from_numpy(TAUGHT)), 16)], 1.0, 2.0)
    given = teacher.distillation_loss(torch.ones(5), torch.from_numpy(TAUGHT), FILMS)
    torch.testing.assert_close(given, torch.zeros(5), rtol=0, atol=1e-5)


def test_a_bundle_teaches(tmp_path: Path) -> None:
    folder = make(tmp_path / "bundle").folder
    recipe = parse_recipe({"name": "r", "pixels": {"size": 48}, "teacher": {"sources": [str(folder)]}}, "t")
    teacher = make_teacher(recipe, ("NORMAL", "PNEUMONIA"))
    assert teacher is not None
    assert teacher.log_probs(torch.rand(2, 1, 48, 48)).exp().sum(dim=1).tolist() == pytest.approx([1, 1], rel=1e-5)
    assert make_teacher(parse_recipe({"name": "r"}, "t"), ("NORMAL", "PNEUMONIA")) is None


def test_a_teacher_of_other_classes_or_other_films_is_refused(tmp_path: Path) -> None:
    folder = str(make(tmp_path / "bundle").folder)
    plain = parse_recipe({"name": "r", "teacher": {"sources": [folder]}}, "t")
    with pytest.raises(
        RecipeError, match="has the classes NORMAL, PNEUMONIA, and these films are A, B; train on the same"
    ):
        make_teacher(plain, ("A", "B"))
    padded = parse_recipe({"name": "r", "pixels": {"resize": "pad"}, "teacher": {"sources": [folder]}}, "t")
    with pytest.raises(RecipeError, match=r"has pixels\.resize=squash, and this recipe has pad"):
        make_teacher(padded, ("NORMAL", "PNEUMONIA"))
    missing = parse_recipe({"name": "r", "teacher": {"sources": ["nowhere"]}}, "t")
    with pytest.raises(BundleError, match="not a bundle"):
        make_teacher(missing, ("NORMAL", "PNEUMONIA"))


def test_a_teacher_cannot_look_at_stored_features() -> None:
    with pytest.raises(RecipeError, match="a teacher needs films"):
        parse_recipe({"name": "r", "teacher": {"sources": ["a"]}, "transfer": {"frozen": "trunk"}}, "t")
