"""Networks whose films are cropped to the lungs are measured on validation's films without the lungs, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from hilum.batches import FilmBatches, make_batches
from hilum.bundle import Decisions, OperatingPoint
from hilum.confidence import Calibration
from hilum.metrics import binary_metrics
from hilum.pixels import PixelCache
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Figure, Film, Manifest
from hilum.training import with_controls

SIDE, FILMS = 40, 60
LUNGS, CORNER = np.s_[10:30, 10:30], np.s_[:3, :3]
CHOSEN = Decisions(OperatingPoint(0.5, "half", "nothing"), Calibration(), None, None, {"auroc": Figure(0.9)})
KEYS = ("auroc_lungs_blanked", "auroc_border_only")


class Reads(nn.Module):
    """Gives the mean grey of one part of a film, less that of all films, as the logit."""

    def __init__(self, part: tuple[slice, slice], outputs: int = 1) -> None:
        super().__init__()
        self.part, self.outputs = part, outputs

    def forward(self, films: Tensor) -> Tensor:
        grey = 8 * films[:, :, self.part[0], self.part[1]].mean(dim=(2, 3)) - 4
        return grey if self.outputs == 1 else torch.cat([0 * grey, grey, 2 * grey - 1][: self.outputs], dim=1)


def cropping(region: str = "lungs") -> Recipe:
    return parse_recipe({"name": "r", "pixels": {"size": SIDE, "region": region}}, "test")


def films_of(classes: tuple[str, ...] = ("NORMAL", "PNEUMONIA"), part: tuple[slice, slice] = LUNGS) -> FilmBatches:
    """Flat films, in one part of which the class is to be seen; the lungs are known, in the last film not."""
    draw = np.random.default_rng(0)
    labels = np.arange(FILMS) % len(classes)
    squares = np.full((FILMS, SIDE, SIDE), 125, dtype=np.uint8)
    squares[:, part[0], part[1]] = (100 + 30 * labels + draw.normal(0, 20, FILMS)).clip(0, 255)[:, None, None]
    lungs = np.zeros_like(squares)
    lungs[:-1, 10:30, 10:16] = lungs[:-1, 10:30, 24:30] = 255  # two, of which the hull is LUNGS
    manifest = Manifest(
        tuple(
            Film(f"{number}.png", classes[label], patient=f"p{number // 4}", sha256=f"{number:064x}")
            for number, label in enumerate(labels)
        )
    )
    cache = PixelCache(squares, {film.sha256: number for number, film in enumerate(manifest)}, lungs)
    return make_batches(manifest, cache, classes, cropping().batches)


def measured(network: nn.Module, films: FilmBatches) -> list[float]:
    figures = with_controls(CHOSEN, [(network, films)], cropping()).metrics
    return [float(figures[key]) for key in KEYS]


def test_what_reads_the_lungs_is_at_chance_without_them() -> None:
    films = films_of()
    intact = Reads(LUNGS)(torch.from_numpy(films.cache.films)[:, None].float() / 255)[:, 0].numpy()
    assert roc_auc_score(films.labels, intact) > 0.8
    # Away from the soft edge of what is blanked.
    assert measured(Reads((slice(14, 26), slice(14, 26))), films) == [0.5, 0.5]


def test_what_reads_the_border_is_not() -> None:
    films = films_of(part=CORNER)
    intact = Reads(CORNER)(torch.from_numpy(films.cache.films)[:, None].float() / 255)[:, 0].numpy()
    expected = roc_auc_score(films.labels, intact)
    assert expected > 0.8
    assert measured(Reads(CORNER), films) == pytest.approx([expected, expected])


def test_between_the_two_stands_what_lies_outside_the_lungs_and_not_at_the_border() -> None:
    beside = np.s_[10:30, 34:36]
    blanked, border = measured(Reads(beside), films_of(part=beside))
    assert blanked > 0.8
    assert border == 0.5


def test_intervals_are_over_patients_as_of_the_other_figures_and_these_stay() -> None:
    films = films_of(part=CORNER)
    figures = with_controls(CHOSEN, [(Reads(CORNER), films)], cropping()).metrics
    assert figures["auroc"] == Figure(0.9)
    logits = Reads(CORNER)(torch.from_numpy(films.cache.films)[:, None].float() / 255)[:, 0].double().numpy()
    patients = [film.patient for film in films.manifest]
    whole = binary_metrics(films.labels == 1, 1 / (1 + np.exp(-logits)), 0.5, patients, seed=1)["auroc"]
    assert figures["auroc_border_only"] == whole
    assert whole.low is not None


def test_of_three_classes_it_is_the_mean_over_them() -> None:
    films, network = films_of(("NORMAL", "bacteria", "virus"), CORNER), Reads(CORNER, outputs=3)
    logits = network(torch.from_numpy(films.cache.films)[:, None].float() / 255)
    expected = roc_auc_score(films.labels, logits.softmax(dim=1).double().numpy(), multi_class="ovr")
    assert measured(network, films) == pytest.approx([expected, expected], abs=1e-3)


def test_of_folds_each_network_shows_its_own_films() -> None:
    """One network reads where its films' classes are, the other the reverse of it: together they are all right."""
    first, second = films_of(part=CORNER), films_of(("PNEUMONIA", "NORMAL"), CORNER)
    second = make_batches(second.manifest, second.cache, first.classes, second.spec)

    class Reversed(Reads):
        def forward(self, films: Tensor) -> Tensor:
            return -super().forward(films)

    folds = [(Reads(CORNER), first), (Reversed(CORNER), second)]
    figures = with_controls(CHOSEN, folds, cropping()).metrics
    assert float(figures["auroc_border_only"]) > 0.8


def test_whole_films_are_not_measured_so() -> None:
    assert with_controls(CHOSEN, [(Reads(LUNGS), films_of())], cropping("film")) is CHOSEN
