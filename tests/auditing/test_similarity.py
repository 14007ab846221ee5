"""A film saved again is found however it was changed, and no two different films are taken for one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from hilum.auditing.similarity import SAME, SimilarPair, _affine, candidates, find_near_duplicates, likeness
from hilum.pixels import chest_phantom
from tests.auditing.conftest import Grey, film, films

NUMBER = 36


def saved_again(grey: Grey, quality: int) -> Grey:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0), np.uint8)


def moved(grey: Grey, degrees: float = 0.0, right: float = 0.0, down: float = 0.0) -> Grey:
    matrix = cv2.getRotationMatrix2D((63.5, 63.5), degrees, 1.0)
    matrix[:, 2] += np.array([right, down])
    return np.asarray(cv2.warpAffine(grey, matrix, (128, 128), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def cropped(grey: Grey, left: int, top: int, right: int, bottom: int) -> Grey:
    return np.asarray(cv2.resize(grey[top : 128 - bottom, left : 128 - right], (128, 128)), np.uint8)


def gamma(grey: Grey, exponent: float) -> Grey:
    return np.rint(255 * (grey / 255.0) ** exponent).astype(np.uint8)


CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "saved at quality 30": lambda grey: saved_again(grey, 30),
    "scaled down and up": lambda grey: np.asarray(cv2.resize(cv2.resize(grey, (103, 103)), (128, 128)), np.uint8),
    "3% cut off every side": lambda grey: cropped(grey, 4, 4, 4, 4),
    "5% cut off the top": lambda grey: cropped(grey, 0, 6, 0, 0),
    "shifted by 4% and 2%": lambda grey: moved(grey, right=5, down=-3),
    "rotated by 2 degrees": lambda grey: moved(grey, degrees=2),
    "darkened": lambda grey: gamma(grey, 1.3),
    "brightened": lambda grey: gamma(grey, 0.7),
    "mirrored": lambda grey: grey[:, ::-1].copy(),
    "several at once": lambda grey: cropped(gamma(moved(grey, degrees=1.5), 1.2), 4, 4, 4, 4)[:, ::-1].copy(),
}


@pytest.fixture(scope="module")
def clean() -> Grey:
    return films(NUMBER)


def test_different_films_are_not_taken_for_one(clean: Grey) -> None:
    assert find_near_duplicates(clean) == []


@pytest.fixture(scope="module")
def found(clean: Grey) -> list[SimilarPair]:
    """What is alike once each change was made to a film of its own, and the results were put at the end."""
    return find_near_duplicates(
        np.concatenate([clean, [change(clean[each]) for each, change in enumerate(CHANGES.values())]])
    )


@pytest.mark.parametrize("name", CHANGES)
def test_a_film_saved_again_is_found(found: list[SimilarPair], name: str) -> None:
    changed = list(CHANGES).index(name)
    (pair,) = [pair for pair in found if pair.one == changed]
    assert (pair.other, pair.same) == (NUMBER + changed, True)
    assert pair.mirrored == (name in ("mirrored", "several at once"))
    assert SAME <= pair.score <= 1


def test_nothing_else_is(found: list[SimilarPair]) -> None:
    assert len(found) == len(CHANGES)


def test_films_that_are_alike_by_nature_are_no_copies() -> None:
    """Phantoms without a texture share nearly everything; a copy still stands out from them."""
    phantoms = [np.round(chest_phantom(seed, size=(128, 128)) * 255).astype(np.uint8) for seed in range(60)]
    assert find_near_duplicates(np.stack(phantoms)) == []
    found = find_near_duplicates(np.stack([*phantoms, gamma(phantoms[3], 1.2)]))
    assert [(pair.one, pair.other, pair.same) for pair in found] == [(3, 60, True)]


def test_sets_too_small_to_compare() -> None:
    assert find_near_duplicates(films(1)) == []
    assert find_near_duplicates(np.empty((0, 128, 128), np.uint8)) == []
    two = find_near_duplicates(np.stack([film(1), film(1)]))
    assert [(pair.one, pair.other, pair.same) for pair in two] == [(0, 1, True)]


def test_films_with_nothing_in_them_are_not_alike() -> None:
    black = np.zeros((12, 128, 128), np.uint8)
    black[:, 0, 0] = 255
    assert find_near_duplicates(black) == []


def test_candidates_come_from_correlations_of_the_signatures(clean: Grey) -> None:
    """Against numpy's correlation, pair by pair, on a handful of films and without shifts: the copy comes first."""
    from hilum.auditing.similarity import _signature, _unit

    signatures = np.stack([_signature(square) for square in clean[:6]])
    table = _unit(signatures) @ _unit(signatures).T
    assert table == pytest.approx(np.corrcoef(signatures.reshape(6, -1)), abs=1e-5)
    assert (2, 6, False) in candidates(np.concatenate([clean[:6], clean[2:3]]))
    assert (2, 6, True) in candidates(np.concatenate([clean[:6], clean[2:3, :, ::-1]]))


def test_a_film_laid_over_itself_scores_one(clean: Grey) -> None:
    from hilum.auditing.similarity import _flattened

    detail = _flattened(clean[0], 96, 2.5)
    assert likeness(detail, detail) == pytest.approx(1, abs=1e-6)
    assert abs(likeness(detail, _flattened(clean[1], 96, 2.5))) < 0.6


def test_the_map_between_two_films_survives_stray_pieces() -> None:
    rng = np.random.default_rng(0)
    here = rng.uniform(0, 96, (16, 2))
    true = np.array([[1.02, 0.01, -2.0], [-0.01, 0.98, 1.5]])
    there = here @ true[:, :2].T + true[:, 2]
    there[3] += 7
    scores = np.full(16, 0.9)
    scores[3] = 0.3
    assert _affine(here, there, scores) == pytest.approx(true, abs=0.15)


def test_pairs_are_ordered_by_likeness(clean: Grey) -> None:
    planted = np.concatenate([clean, [saved_again(clean[1], 20), clean[2], cropped(clean[3], 4, 4, 4, 4)]])
    found = find_near_duplicates(planted)
    assert found == sorted(found, key=lambda pair: -pair.score)
    assert found[0] == SimilarPair(2, NUMBER + 1, 1.0, False, True)
