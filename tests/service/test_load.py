"""A reading room that is asked for twice what it can bear: it answers what it can, refuses the rest, loses nothing.

`make test-load` does it for an hour; `HILUM_TEST_LOAD_MINUTES` says for how long.
"""

from __future__ import annotations

import os

import pytest
from benchmarks.load import Sent, marked
from benchmarks.overload import Overload, _faults, overload
from benchmarks.serving import median_batch

MINUTES = float(os.environ.get("HILUM_TEST_LOAD_MINUTES", "0.4"))


@pytest.fixture(scope="module")
def came() -> Overload:
    return overload(MINUTES)


@pytest.mark.slow
def test_at_concurrency_32_more_than_four_films_go_through_the_network_together(came: Overload) -> None:
    assert came.batch > 4


@pytest.mark.slow
def test_at_twice_the_capacity_the_rest_is_refused_and_nothing_is_lost_or_doubled(came: Overload) -> None:
    assert came.faults == ()
    assert set(came.statuses) == {200, 201, 503}
    # What is answered is what the service can bear; it does not spend its time on refusing.
    assert came.statuses[201] > 0.5 * came.capacity * 60 * MINUTES


@pytest.mark.slow
def test_memory_does_not_grow(came: Overload) -> None:
    assert came.is_flat, f"by {came.grown:.0f} MB"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"statuses": [201, 503, 500, 200]}, "status 500"),
        ({"statuses": [201, 503, 0, 200]}, "status 0"),
        ({"ids": ["a", "", "b", "c"]}, "1 films got several answers"),
        ({"statuses": [201, 503, 201, 201]}, "answered anew"),
        ({"stored": ["a"]}, "1 answers that were given are not in the store"),
        ({"stored": ["a", "b", "c"]}, "1 answers are in the store that nobody was given"),
        ({"stored": ["a", "b", "b"]}, "in the store twice"),
    ],
)
def test_what_is_lost_or_doubled_is_found(change: dict[str, list[str]], fault: str | None) -> None:
    values = {"films": [0, 1, 2, 0], "statuses": [201, 503, 201, 200], "ids": ["a", "", "b", "a"]}
    stored = change.pop("stored", ["a", "b"])
    found = _faults(Sent(**{**values, **change}), stored)  # type: ignore[arg-type]
    assert bool(found) == bool(fault)
    assert fault is None or any(fault in line for line in found)


def test_the_median_batch_is_between_two_looks() -> None:
    assert median_batch({1: 5, 4: 5, 8: 5}, {1: 7, 4: 8, 8: 9}) == 4
    assert median_batch({1: 0, 8: 0}, {1: 3, 8: 5}) == 1


def test_a_comment_makes_another_file_of_the_same_picture() -> None:
    cv2, np = pytest.importorskip("cv2"), pytest.importorskip("numpy")
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    jpeg = cv2.imencode(".jpeg", levels)[1].tobytes()
    one, two = marked(jpeg, "film 1"), marked(jpeg, "film 2")
    assert len({jpeg, one, two}) == 3
    read = [cv2.imdecode(np.frombuffer(each, np.uint8), 0) for each in (jpeg, one, two)]
    assert (read[0] == read[1]).all()
    assert (read[0] == read[2]).all()
