"""The card tells a stranger what the detector says, what it learnt from and how good it was."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hilum.bundle.card import card, card_contradiction
from hilum.records import Figure
from tests.bundle.conftest import make, make_of_lungs, make_three


def test_of_two_classes_it_names_the_finding_and_the_threshold(tmp_path: Path) -> None:
    text = (make(tmp_path / "bundle").folder / "CARD.md").read_text()
    assert "Says how probable `PNEUMONIA` is, against `NORMAL`, for one frontal chest film." in text
    assert (
        "It says `PNEUMONIA` from a\nprobability of 0.4000 on (rule: youden; chosen on\n2 validation films)" in text
    )
    assert "any finding other than `PNEUMONIA`;" in text
    assert "| 1 NORMAL, 1 PNEUMONIA/virus |" in text
    assert "| auroc | 0.9000 (0.8000 to 1.0000) |\n| f1 | not defined |" in text


def test_of_more_it_says_that_the_most_probable_is_named(tmp_path: Path) -> None:
    text = (make_three(tmp_path / "bundle").folder / "CARD.md").read_text()
    assert "Says how probable each of `NORMAL`, `bacteria` and `virus` is" in text
    assert "names the most probable" in text
    assert "anything but `NORMAL`, `bacteria` and `virus`;" in text
    assert "| 1 NORMAL, 1 virus |" in text
    assert "| auroc, mean of the classes | 0.9000 (0.8000 to 1.0000) |\n| accuracy | 0.7000 |" in text
    assert "| class, against the rest | auroc |\n|---|---|\n| NORMAL | 0.9500 |" in text
    assert "| virus | not defined |" in text


def test_names_of_classes_cannot_act_on_a_terminal_or_the_page(tmp_path: Path) -> None:
    spec = make(tmp_path / "bundle").spec
    odd = msgspec.structs.replace(spec, classes=("\x1b[2Jok\n# Approved", "a|b\u202e<script>"))
    part = spec.data["train"]
    films = {"\x1b[2Jok\n# Approved": 1, "a|b\u202e<script>": 2}
    odd = msgspec.structs.replace(odd, data={**spec.data, "train": msgspec.structs.replace(part, films=films)})
    text = card(odd, gated=False)
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    assert not [line for line in text.splitlines() if line.startswith("# Approved")]
    (row,) = [line for line in text.splitlines() if line.startswith("| train")]
    assert row.replace("\\|", "").count("|") == 4
    assert "\\<script\\>" in row
    assert card_contradiction(text, odd) == ""


def test_of_films_cropped_to_the_lungs_it_says_what_is_left_without_them(tmp_path: Path) -> None:
    spec = make_of_lungs(tmp_path / "bundle").spec
    assert "blanked" not in card(spec, gated=False)  # of a bundle that was made before they were measured
    measured = {"auroc_lungs_blanked": Figure(0.53, 0.47, 0.6), "auroc_border_only": Figure(None)}
    text = card(msgspec.structs.replace(spec, metrics={**spec.metrics, **measured}), gated=False)
    assert (
        "With the lungs blanked out of what it is shown of these films, its AUROC is 0.5300 (0.4700 to 0.6000).\n"
        "With the outer tenth of that alone, its AUROC is not defined.\n"
    ) in text
    assert "no person has outlined the lungs" in text
    assert "amitlohan/covid_lungs_dataset" in text
    assert "It is not for measuring lungs or the heart, nor for finding a disease." in text
