"""Two check-lists: every item is there once, what the run knows is filled in, and the rest is left to a person."""

from __future__ import annotations

import re

import pytest
from msgspec import structs

from hilum.evaluation import evaluate_predictions
from hilum.evaluation.checklist_items import CLAIM, TRIPOD
from hilum.evaluation.checklists import FOR_A_PERSON, checklists

from .conftest import HISTORY, made_up, made_up_spec


@pytest.fixture
def drafts() -> dict[str, str]:
    return checklists(made_up_spec(HISTORY), evaluate_predictions(made_up(60), resamples=50))


def test_the_items_are_those_of_the_published_lists() -> None:
    assert [number for number, _, _ in CLAIM] == [str(number) for number in range(1, 45)]
    wholes = list(dict.fromkeys(int(re.sub(r"\D", "", number)) for number, _, _ in TRIPOD))
    assert wholes == list(range(1, 28))
    assert len(TRIPOD) == 52


def test_every_item_has_a_row_and_an_answer_or_a_person(drafts: dict[str, str]) -> None:
    for text, items in ((drafts["CLAIM.md"], CLAIM), (drafts["TRIPOD+AI.md"], TRIPOD)):
        rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
        assert len(rows) == len(items)
        for row, (number, _, key) in zip(rows, items, strict=True):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            assert cells[0] == number
            assert len(cells) == 3
            assert cells[2]
            assert key or cells[2] == FOR_A_PERSON


def test_what_the_run_recorded_is_filled_in(drafts: dict[str, str]) -> None:
    claim = drafts["CLAIM.md"]
    assert "Evaluated here: 60 films of 30 patients" in claim
    assert "5 epochs were run" in claim
    assert "from 50 resamples of patients" in claim
    assert re.search(r"AUROC 0\.\d{3} \(0\.\d{3}–[01]\.\d{3}\)", claim)
    assert "Not measured here: hilum evaluate --shifts" in claim


def test_other_peoples_words_keep_the_table_whole() -> None:
    metrics = evaluate_predictions(made_up(60), resamples=0)
    metrics = structs.replace(metrics, notes=("a | b\nc",))
    assert "a \\| b c" in checklists(made_up_spec(), metrics)["CLAIM.md"]
