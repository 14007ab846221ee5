"""What there is, counted."""

from __future__ import annotations

import json

import msgspec

from hilum.auditing.composition import count_files, count_films, count_findings, file_findings, picture_findings
from hilum.auditing.header import Header
from hilum.records import Film

FILMS = [
    Film("a", "NORMAL", "", "p", "train"), Film("b", "PNEUMONIA", "virus", "q", "train"),
    Film("c", "PNEUMONIA", "bacteria", "q", "train"), Film("d", "NORMAL", "", "r", "val"),
]  # fmt: skip


def header(**values: object) -> Header:
    return Header(**{"encoding": "JPEG", "width": 20, "height": 10, "bits": 8, "channels": 1, **values})  # type: ignore[arg-type]


def test_films_are_counted_by_split_class_and_cause() -> None:
    assert msgspec.to_builtins(count_films(FILMS)) == {
        "train": {
            "films": 3, "patients": 2,
            "classes": {"NORMAL": 1, "PNEUMONIA": 2}, "causes": {"bacteria": 1, "virus": 1},
        },
        "val": {"films": 1, "patients": 1, "classes": {"NORMAL": 1}, "causes": {}},
    }  # fmt: skip
    told = count_findings(FILMS)
    assert [(finding.kind, finding.severity) for finding in told] == [
        ("counts", "note"), ("counts", "note"), ("one_class", "warning"),
    ]  # fmt: skip
    assert told[0].sentence == "train: 3 films: NORMAL 1, PNEUMONIA 2 (bacteria 1, virus 1)"
    assert told[2].sentence.startswith("val has no film of PNEUMONIA")
    assert count_findings([Film("a", "A")])[-1].sentence.startswith("all films are labelled A, so there is nothing")


def test_files_are_told_in_a_line() -> None:
    headers = [header(), header(width=40), header(encoding="PNG", bits=16, width=5)]
    counts = count_files(headers)
    assert counts is not None
    assert json.loads(msgspec.json.encode(counts.sizes)) == {
        "different": 3, "smallest": [5, 10], "largest": [40, 10],
    }  # fmt: skip
    (finding,) = file_findings(FILMS[:3], headers)
    assert finding.sentence == "3 sizes, 5×10 to 40×10; JPEG 2, PNG 1; 16 bits 1, 8 bits 2"
    assert file_findings(FILMS[:1], [header()])[0].sentence == "all 20×10; JPEG 1; 8 bits 1"
    assert file_findings([], []) == []
    assert count_files([]) is None


def test_dicoms_that_are_stored_inverted_or_show_something_else_are_named() -> None:
    dicom = {"encoding": "DICOM", "photometric": "MONOCHROME1"}
    headers = [header(**dicom, body_part="CHEST"), header(**dicom, body_part="EXTREMITY"), header(), header()]
    files, inverted, others = file_findings(FILMS, headers)
    assert "MONOCHROME1 2" in files.sentence
    assert (inverted.kind, inverted.films) == ("monochrome1", ("a", "b"))
    assert (others.kind, others.severity, others.films) == ("body_part", "warning", ("b",))
    assert all(finding.kind == "files" for finding in file_findings(FILMS[:2], headers[:1] * 2))


def test_borders_and_letters_are_told_by_class() -> None:
    def facts(border: float = 0.0, letters: float = 0.0) -> dict[str, float | str]:
        return {
            "border_top": border,
            "border_bottom": 0.0,
            "border_left": 0.0,
            "border_right": 0.0,
            "letters": letters,
        }

    found = picture_findings(FILMS, [facts(0.1), facts(0.01, letters=2), facts(), facts(0.03)])
    assert [(finding.kind, finding.films) for finding in found] == [("border", ("a", "d")), ("letters", ("b",))]
    assert (
        found[0].sentence == "2 films have an even border (widest: 10% of the film): 100% of NORMAL, 0% of PNEUMONIA"
    )
    assert found[1].sentence.endswith("0% of NORMAL, 50% of PNEUMONIA")
    assert picture_findings(FILMS[:1], [facts()]) == []
