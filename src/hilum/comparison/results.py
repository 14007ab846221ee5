"""What a comparison found, as types. They are the schema of `comparison.json` too: field for field, key for key."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from hilum.records import Figure


class Cost(Struct, frozen=True):
    """What a detector costs; None where it is not known.

    Attributes:
        parameters: as Keras counts them, of all its networks; of a system without one, the numbers that it keeps.
        multiply_adds: for one film.
        training_seconds: of all epochs, or of every candidate tried, on the machine that trained it.
        films_a_second: how many preprocessed films it predicts, measured with the others in one run.
    """

    parameters: int | None = None
    multiply_adds: int | None = None
    training_seconds: float | None = None
    films_a_second: float | None = None


class Compared(Struct, frozen=True):
    """One detector of a comparison: its name, its figures on the films that all could predict, and its cost."""

    name: str
    figures: dict[str, Figure]
    cost: Cost


class DifferenceTest(Struct, frozen=True):
    """One figure of two detectors.

    Attributes:
        difference: the first's figure minus the second's, with its 95% interval.
        p: of the test that there is no difference; None where that cannot be tested.
        p_holm: the same, corrected over all pairs of the comparison by Holm's method.
        higher: the detector whose figure is shown to be higher; None where no difference is shown.
        says: the same in words.
    """

    difference: Figure
    p: float | None
    p_holm: float | None
    higher: str | None
    says: str


class PairTests(Struct, frozen=True):
    """Two detectors, by name, and the test of each figure."""

    first: str
    second: str
    tests: dict[str, DifferenceTest]


class Comparison(Struct, frozen=True, kw_only=True):
    """Detectors side by side on the same films: what `hilum.compare` returns and `comparison.json` holds.

    Attributes:
        n: labelled films that all of them could predict.
        patients: how many known patients they are of.
        classes: their names; of two, the last one is positive.
        resamples: how many resamples of the patients the intervals come from.
        seed: of the resamples.
        entries: the detectors, in the order in which they were named.
        pairs: every two of them.
        notes: sentences on what is missing or rests on few films.
    """

    n: int
    patients: int
    classes: tuple[str, ...]
    resamples: int
    seed: int
    entries: tuple[Compared, ...]
    pairs: tuple[PairTests, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        width = max(len(entry.name) for entry in self.entries)
        lines = [f"{self.n} films of {self.patients} known patients"]
        for entry in self.entries:
            shown = "  ".join(f"{name} {_shown(entry.figures[kind])}" for kind, name in _IN_BRIEF.items())
            lines.append(f"{entry.name:<{width}}  {shown}")
        for pair in self.pairs:
            for kind in _IN_BRIEF:
                test = pair.tests[kind]
                p = "" if test.p_holm is None else f", corrected p {test.p_holm:.3f}"
                lines.append(f"{pair.first} minus {pair.second}, {kind}: {_shown(test.difference)}{p}: {test.says}")
        return "\n".join((*lines, *(f"note: {note}" for note in self.notes)))

    def __repr__(self) -> str:
        named = ", ".join(f"{entry.name}: AUROC {_shown(entry.figures['auroc'])}" for entry in self.entries)
        return f"Comparison(n={self.n}, patients={self.patients}, {named})"

    def _repr_html_(self) -> str:
        kinds = list(self.entries[0].figures)
        entries = [[entry.name, *(_shown(entry.figures[kind]) for kind in kinds)] for entry in self.entries]
        tests = [
            [f"{pair.first} − {pair.second}", kind, _shown(test.difference), _p(test.p), _p(test.p_holm), test.says]
            for pair in self.pairs
            for kind, test in pair.tests.items()
        ]
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<p>{self.n:,} films of {self.patients:,} known patients</p>"
            + _table(["", *(kind.replace("_", " ") for kind in kinds)], entries)
            + _table(["detectors", "figure", "difference", "p", "corrected p", "result"], tests)
            + f"<ul>{notes}</ul>"
        )


_IN_BRIEF = {"auroc": "AUROC", "accuracy": "accuracy"}  # what a terminal shows; the page has the rest


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "not defined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table; every cell is other people's text, and is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
