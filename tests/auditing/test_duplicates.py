"""What repeated films and patients mean for splits and labels, one line each."""

from __future__ import annotations

from hilum.auditing.duplicates import copy_findings, leak_findings, likeness_findings, patient_findings
from hilum.auditing.similarity import SimilarPair
from hilum.records import Film

ONE, OTHER = "1" * 64, "2" * 64


def kinds(findings: object) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in findings]  # type: ignore[attr-defined]


def test_a_leak_names_the_patient_and_both_splits() -> None:
    films = [Film("a", patient="p", split="train", sha256=ONE), Film("b", patient="p", split="test", sha256=OTHER)]
    (finding,) = leak_findings(films)
    assert (finding.kind, finding.severity, finding.films) == ("leak", "error", ("a", "b"))
    assert finding.sentence.startswith("patient p is in train and in test, so test looks better")
    copies = [Film("a", split="train", sha256=ONE), Film("b", split="val", sha256=ONE)]
    assert leak_findings(copies)[0].sentence.startswith("the film b, byte for byte, is in train and in val")


def test_copies_are_counted_and_what_contradicts_itself_is_an_error() -> None:
    films = [Film(name, "A", patient="p", sha256=ONE) for name in "abc"]
    (finding,) = copy_findings(films)
    assert (finding.kind, finding.severity, finding.films) == ("duplicate", "note", ("a", "b", "c"))
    assert "1 film more than once, byte for byte, 2 in excess, 3 pairs: a = b = c" in finding.sentence
    odd = [Film("a", "A", patient="p", sha256=ONE), Film("b", "B", patient="q", sha256=ONE)]
    assert kinds(copy_findings(odd)) == [
        ("label_conflict", "error"), ("patient_conflict", "error"), ("duplicate", "note"),
    ]  # fmt: skip
    assert copy_findings([Film("a"), Film("b")]) == []


def test_one_exposure_is_worse_where_it_lies_in_two_splits_or_has_two_labels_or_two_patients() -> None:
    films = [
        Film("a", "A", patient="p", split="train"), Film("b", "A", patient="p", split="train"),
        Film("c", "A", patient="p", split="val"), Film("d", "B", patient="q", split="train"),
    ]  # fmt: skip
    same = [SimilarPair(0, other, 0.9, False, True) for other in (1, 2, 3)]
    found = likeness_findings(films, same)
    assert kinds(found) == [
        ("near_duplicate", "error"), ("near_duplicate", "warning"), ("label_conflict", "error"),
        ("near_duplicate", "error"),
    ]  # fmt: skip
    assert "in train and in val: val looks better than it is" in found[0].sentence
    assert "labelled A and B" in found[2].sentence
    assert "under two patients (p, q)" in found[3].sentence
    assert "one mirrored," in likeness_findings(films, [SimilarPair(0, 1, 0.9, True, True)])[0].sentence


def test_two_exposures_are_worth_a_word_only_under_two_names() -> None:
    films = [Film("a", patient="p"), Film("b", patient="p"), Film("c", patient="q"), Film("d")]
    pairs = [
        SimilarPair(0, 1, 0.7, False, False),
        SimilarPair(0, 2, 0.7, False, False),
        SimilarPair(0, 3, 0.7, False, False),
    ]
    (finding,) = likeness_findings(films, pairs)
    assert (finding.kind, finding.films) == ("same_patient", ("a", "c"))
    assert "one patient under two names, p and q" in finding.sentence


def test_patients_are_counted() -> None:
    films = [Film("a", "A", patient="p"), Film("b", "B", patient="p"), Film("c", "A", patient="q")]
    (finding,) = patient_findings(films)
    assert finding.sentence == (
        "2 patients, 1 of them with several films (most: p with 2), 1 with films of more than one class"
    )
    (unknown,) = patient_findings([Film("a"), Film("b")])
    assert (unknown.kind, unknown.severity) == ("patients_unknown", "warning")
    assert patient_findings([]) == []
