"""The explanations of several films by one detector, as `hilum.explain` returns them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from hilum.explanation.attribution import Method
from hilum.explanation.explanation import Explanation
from hilum.explanation.explanation_record import (
    ExplanationRecord,
    FilmRecord,
    RandomisedRecord,
    curve_record,
    lung_record,
    mean,
    summarize,
)
from hilum.explanation.overlay import overlay, side_by_side
from hilum.explanation.randomisation import RandomisedPart

_LINES = 40  # films that a table shows
_PICTURES = 12  # films that a notebook shows


@dataclass(frozen=True, slots=True)
class ExplainedFilm:
    """One film and its explanation, or why it could not be read.

    Attributes:
        path: the film, as the user named it; `array` for an array.
        class_name: the class that is explained; empty if `error` is set.
        prob: the probability of that class, 0 to 1; None if `error` is set.
        prediction: the class that is predicted.
        explanation: the heat map and its figures; None if `error` is set.
        picture: the name of the film's PNG in `Explanations.folder`.
        flag: why the film is unlike those that the detector was trained on; empty if it is not.
        error: why the film could not be read; empty if it could.
        answer: what may be read off, as `Prediction.answer`; empty if `error` is set.
        why: the reason for it.
    """

    path: str
    class_name: str = ""
    prob: float | None = None
    prediction: str = ""
    explanation: Explanation | None = None
    picture: str = ""
    flag: str = ""
    error: str = ""
    answer: str = ""
    why: str = ""

    def record(self) -> FilmRecord:
        """The film's entry in `explain.json`."""
        if self.explanation is None or self.prob is None:
            return FilmRecord(self.path, error=self.error)
        return FilmRecord(
            self.path,
            self.class_name,
            self.prob,
            self.prediction,
            self.picture,
            self.flag,
            lung_record(self.explanation),
            curve_record(self.explanation.deletion),
            curve_record(self.explanation.insertion),
            answer=self.answer,
            why=self.why,
        )

    def png(self) -> bytes:
        """The film with its lungs' outline next to the heat map, as a PNG file.

        Raises:
            ValueError: the film could not be read.
        """
        if self.explanation is None:
            raise ValueError(f"{self.path} has no heat map: {self.error}")
        name = self.path if len(self.path) <= 70 else f"…{self.path[-69:]}"
        caption = f"{_printable(name)}\n{self.class_name} {self.prob:.3f}"
        legend = f"speaks for {self.class_name}"
        found = self.explanation
        return side_by_side(found.film, found.heat, caption, legend, found.lungs.mask)


@dataclass(frozen=True, slots=True)
class Explanations:
    """What speaks for a class on each of several films, and how far that can be trusted.

    Iterating gives the films in the order given. In a notebook the heat maps are shown.

    Attributes:
        bundle: the name of the detector's recipe.
        system: what the detector is, in words.
        method: the attribution method.
        films: one entry for each film.
        randomised: the sanity check by randomised weights; empty if it was not asked for.
        folder: the folder with `index.html`, `explain.json` and the pictures; None if nothing was written.
    """

    bundle: str
    system: str
    method: Method
    films: tuple[ExplainedFilm, ...]
    randomised: tuple[RandomisedPart, ...] = ()
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.films)

    def __iter__(self) -> Iterator[ExplainedFilm]:
        return iter(self.films)

    def __getitem__(self, number: int) -> ExplainedFilm:
        return self.films[number]

    @property
    def explained(self) -> tuple[ExplainedFilm, ...]:
        """The films that could be read."""
        return tuple(film for film in self.films if film.explanation is not None)

    @property
    def failed(self) -> tuple[ExplainedFilm, ...]:
        """The films that could not be read."""
        return tuple(film for film in self.films if film.explanation is None)

    def record(self) -> ExplanationRecord:
        """All figures, as `explain.json` holds them."""
        films = tuple(film.record() for film in self.films)
        randomised = tuple(
            RandomisedRecord(each.part, mean(each.correlations), each.correlations) for each in self.randomised
        )
        return ExplanationRecord(self.bundle, self.method, summarize(films), randomised, films)

    def __repr__(self) -> str:
        """A line for each film, then the means; what chance gives is in parentheses."""
        record = self.record()
        summary = record.summary
        lines = [f"{'film':<44} {'prob':>6}  {'inside lungs':<13} {'deletion':<13} {'insertion':<13}"]
        for film in self.explained[:_LINES]:
            name, found = " ".join(film.path.split()), film.explanation
            assert found is not None
            figures = (
                (found.inside, found.lung_share),
                (found.deletion.area, found.deletion.chance),
                (found.insertion.area, found.insertion.chance),
            )
            short = name if len(name) <= 44 else "…" + name[-43:]
            lines.append(f"{short:<44} {film.prob:>6.3f}  {_columns(figures)}")
        if len(self.explained) > _LINES:
            lines.append(f"… and {len(self.explained) - _LINES} more in explain.json")
        if self.explained:
            means = tuple((each.area, each.chance) for each in (summary.deletion, summary.insertion))
            lines.append(f"{'mean':<52} {_columns(((summary.lungs.inside, summary.lungs.chance), *means))}")
        lines += [
            f"rank correlation after randomising {each.part} and everything after it: {_number(each.correlation)}"
            for each in record.randomised
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The heat maps over their films, for a notebook."""
        figures = []
        for film in self.explained[:_PICTURES]:
            found = film.explanation
            assert found is not None
            caption = f"{escape(_printable(film.path[-40:]))}<br>{escape(film.class_name)} {film.prob:.3f}"
            caption += f"<br><strong>{escape(film.answer)}</strong><br>{escape(film.why)}"
            figures.append(
                '<figure style="display:inline-block;margin:4px;text-align:center">'
                f'<img src="{_data_url(overlay(found.film, found.heat))}" width="224" alt="heat map">'
                f'<figcaption style="font-size:small">{caption}</figcaption></figure>'
            )
        rest = len(self.explained) - len(figures)
        more = f"<p>and {rest} more</p>" if rest else ""
        failed = "".join(f"<li>{escape(film.path)}: {escape(film.error)}</li>" for film in self.failed)
        return (
            f"<div><p>{escape(self.bundle)}, explained by {escape(self.method)}. "
            "Research only, not a diagnosis.</p>"
            f"{''.join(figures)}{more}{f'<ul>{failed}</ul>' if failed else ''}</div>"
        )


def _columns(figures: tuple[tuple[float | None, float | None], ...]) -> str:
    return " ".join(f"{f'{_number(value)} ({_number(chance)})':<13}" for value, chance in figures).rstrip()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _printable(name: str) -> str:
    """A file name as one line that can be drawn, whatever it holds."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _data_url(picture: object) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")  # type: ignore[arg-type]
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
