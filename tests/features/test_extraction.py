"""Each film goes through the frozen stages once, and what is stored is what they give."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from hilum import batches
from hilum.batches import apply, center_crops, cut, draw, draw_crops, make_generator
from hilum.batches.crops import Crops
from hilum.errors import HilumError, RequestError
from hilum.features import extract_features, store_for
from hilum.recipe import Augment, Pixels
from hilum.records import Manifest
from tests.features.conftest import AUGMENT, CLASSES, MODEL, PIXELS, Case


@pytest.fixture
def pushed(case: Case) -> list[int]:
    """How many films each call of the frozen stages took, from now on."""
    taken: list[int] = []

    def note(module: Any, given: tuple[torch.Tensor], maps: torch.Tensor) -> None:
        if not maps.is_meta:  # where only the shape is asked for
            taken.append(int((given[0].amax(dim=(1, 2, 3)) > 0).sum()))

    case.network.normalise.register_forward_hook(note)
    return taken


def all_of(drawn: Any) -> torch.Tensor:
    return torch.cat([batch.inputs for batch in drawn])


def test_a_feature_is_what_the_frozen_stages_give_for_the_film_alone(case: Case) -> None:
    features = extract_features(case.frozen(), case.data, MODEL, PIXELS)
    films = all_of(case.data.unaugmented())
    with torch.no_grad():
        expected = torch.cat([case.frozen()(film[None]) for film in films])
    torch.testing.assert_close(all_of(features.unaugmented()), expected, rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        logits = case.rest()(all_of(features.unaugmented()))
    torch.testing.assert_close(logits, case.network(films), rtol=1e-2, atol=1e-3)


def test_a_view_depends_on_seed_number_and_film_alone(case: Case) -> None:
    features = extract_features(case.frozen(), case.data, MODEL, PIXELS, views=2, seed=7)
    for view in (1, 2):
        for film, grey, stored in zip(
            case.data.manifest, all_of(case.data.unaugmented()), all_of(features.augmented(7, view)), strict=True
        ):
            drawn = draw(AUGMENT, 1, PIXELS.size, make_generator(7, view, int(film.sha256[:16], 16)))
            with torch.no_grad():
                expected = case.frozen()(apply(drawn, grey[None]))[0]
            torch.testing.assert_close(stored, expected, rtol=1e-3, atol=1e-3)


def test_crops_of_films_are_stored_too_the_central_one_and_drawn_ones(case: Case) -> None:
    spec = replace(case.data.spec, crop=32, scales=(32, 40), augment=Augment())
    data = batches.make_batches(case.data.manifest, case.data.cache, CLASSES, spec)
    features = extract_features(case.frozen(), data, MODEL, PIXELS, views=2, seed=7)
    whole = torch.from_numpy(data.cache.films[data.rows])[:, None].float() / 255

    def expected_of(crops: Crops, film: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = case.frozen()(cut(crops, film[None]))[0]
        return found

    for film, stored in zip(whole, all_of(features.unaugmented()), strict=True):
        expected = expected_of(center_crops(spec, 1, PIXELS.size), film)
        torch.testing.assert_close(stored, expected, rtol=1e-3, atol=1e-3)
    for each, film, stored in zip(data.manifest, whole, all_of(features.augmented(7, 2)), strict=True):
        crops = draw_crops(spec, 1, PIXELS.size, make_generator(7, 2, int(each.sha256[:16], 16), 1))
        torch.testing.assert_close(stored, expected_of(crops, film), rtol=1e-3, atol=1e-3)


def test_more_films_and_more_views_leave_what_is_stored(case: Case, pushed: list[int]) -> None:
    first = extract_features(case.frozen(), case.films(0, 10), MODEL, PIXELS, views=1)
    before = [all_of(first.unaugmented()), all_of(first.augmented(1, 1))]
    assert sum(pushed) == 20
    later = extract_features(case.frozen(), case.data, MODEL, PIXELS, views=2)
    assert sum(pushed) == 3 * len(case.data)
    torch.testing.assert_close(all_of(later.unaugmented())[:10], before[0], rtol=0, atol=0)
    torch.testing.assert_close(all_of(later.augmented(1, 1))[:10], before[1], rtol=0, atol=0)


def test_nothing_is_computed_twice(case: Case, pushed: list[int]) -> None:
    extract_features(case.frozen(), case.data, MODEL, PIXELS, views=1)
    done = len(pushed)
    extract_features(case.frozen(), case.data, MODEL, PIXELS, views=1)
    extract_features(case.frozen(), case.films(3, 9, Augment()), MODEL, PIXELS)  # the film itself is no drawn view
    assert len(pushed) == done


def test_a_pass_that_was_killed_goes_on_where_it_was(case: Case, pushed: list[int]) -> None:
    class Killed(Exception):
        pass

    def kill(module: Any, given: Any, maps: Any) -> None:
        if len(pushed) == 2 and not maps.is_meta:
            raise Killed

    handle = case.network.normalise.register_forward_hook(kill)
    with pytest.raises(Killed):
        extract_features(case.frozen(), case.data, MODEL, PIXELS)
    handle.remove()
    pushed.clear()
    features = extract_features(case.frozen(), case.data, MODEL, PIXELS)
    assert sum(pushed) == len(case.data) - 8
    with torch.no_grad():
        expected = case.frozen()(all_of(case.data.unaugmented()))
    torch.testing.assert_close(all_of(features.unaugmented()), expected, rtol=1e-3, atol=1e-3)


def test_half_a_row_is_not_there(case: Case, tmp_path: Path) -> None:
    extract_features(case.frozen(), case.data, MODEL, PIXELS, folder=tmp_path)
    (rows,) = tmp_path.glob("features/*/film/rows.bin")
    whole = rows.read_bytes()
    os.truncate(rows, len(whole) - 10)
    extract_features(case.frozen(), case.data, MODEL, PIXELS, folder=tmp_path)
    assert rows.read_bytes() == whole


def test_damaged_features_are_computed_again(
    case: Case, tmp_path: Path, pushed: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    expected = all_of(extract_features(case.frozen(), case.data, MODEL, PIXELS, folder=tmp_path).unaugmented())
    (rows,) = tmp_path.glob("features/*/film/rows.bin")
    whole = rows.read_bytes()
    rows.write_bytes(bytes(100) + whole[100:])
    pushed.clear()
    again = extract_features(case.frozen(), case.data, MODEL, PIXELS, folder=tmp_path)
    assert sum(pushed) == 1
    assert "1 row of the features is not what was written there" in caplog.text
    torch.testing.assert_close(all_of(again.unaugmented()), expected, rtol=0, atol=0)
    assert rows.read_bytes() == whole


def test_other_weights_pixels_normalisation_and_draws_have_stores_of_their_own(case: Case, pushed: list[int]) -> None:
    extract_features(case.frozen(), case.data, MODEL, PIXELS, views=1, seed=1)
    each = len(case.data)
    pushed.clear()
    extract_features(case.frozen(), case.data, MODEL, PIXELS, views=1, seed=2)
    assert sum(pushed) == each, "the drawn view again, not the film itself"
    pushed.clear()
    extract_features(case.frozen(), case.data, MODEL, Pixels(size=32, equalise="clahe"), views=0)
    assert sum(pushed) == each
    pushed.clear()
    with torch.no_grad():
        next(case.frozen().parameters()).add_(1e-3)
    extract_features(case.frozen(), case.data, MODEL, PIXELS)
    assert sum(pushed) == each


def test_stages_on_the_way_are_stored_in_the_same_pass(case: Case, pushed: list[int]) -> None:
    extract_features(case.frozen("trunk"), case.data, MODEL, PIXELS, also=("stage2",))
    done = len(pushed)
    features = extract_features(case.frozen("stage2"), case.data, MODEL, PIXELS)
    assert len(pushed) == done
    assert features.stored[0][0].shape[1:] == (64, 8, 8)


def test_a_stage_that_is_not_on_the_way_is_refused(case: Case) -> None:
    with pytest.raises(RequestError, match=r"transfer.also: 'stage4' is not among the frozen stages stage1, stage2"):
        extract_features(case.frozen(), case.data, MODEL, PIXELS, also=("stage4",))


def test_films_of_the_same_bytes_share_a_row(case: Case, pushed: list[int]) -> None:
    four = case.films(0, 4)
    five = batches.make_batches(Manifest((*four.manifest, four.manifest.films[0])), four.cache, CLASSES, four.spec)
    features = extract_features(case.frozen(), five, MODEL, PIXELS)
    assert sum(pushed) == 4
    stacked = all_of(features.unaugmented())
    torch.testing.assert_close(stacked[0], stacked[4], rtol=0, atol=0)


def test_a_full_disk_is_one_line_and_loses_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    extract_features(case.frozen(), case.films(0, 8), MODEL, PIXELS)

    def full(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        RequestError, match=r"features cannot be kept \(No space left on device\); make room for 1 MB more"
    ):
        extract_features(case.frozen(), case.data, MODEL, PIXELS)
    monkeypatch.undo()
    assert len(extract_features(case.frozen(), case.films(0, 8), MODEL, PIXELS)) == 8


def test_a_feature_that_float16_cannot_hold_is_refused(case: Case) -> None:
    with torch.no_grad():
        for parameter in case.frozen().parameters():
            parameter.mul_(1e4)
    with pytest.raises(HilumError, match=r"is not finite in float16.*model.normalise"):
        extract_features(case.frozen(), case.data, MODEL, PIXELS)


def test_bfloat16_gives_nearly_the_same_and_has_a_store_of_its_own(case: Case, pushed: list[int]) -> None:
    exact = all_of(extract_features(case.frozen(), case.data, MODEL, PIXELS).unaugmented())
    rounded = all_of(extract_features(case.frozen(), case.data, MODEL, PIXELS, bfloat16=True).unaugmented())
    assert sum(pushed) == 2 * len(case.data)
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("damage", ['{"weights": "of somebody else"}', "{", "[]"])
def test_a_store_of_something_else_is_refused(damage: str, case: Case) -> None:
    store = store_for(case.frozen(), MODEL, PIXELS)
    (store.folder / "store.json").write_text(damage)
    with pytest.raises(
        RequestError, match=r"store.json: (these are features of something else \(other \w+|damaged).*remove"
    ):
        extract_features(case.frozen(), case.data, MODEL, PIXELS)
