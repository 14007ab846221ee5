"""What readers say of films, as a table that `hilum index` takes: for training and evaluating by verdicts.

Readers who see an answer agree with it more often than those who do not. What is learnt from verdicts that are not
`unaided` learns some of the detector's mistakes again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from hilum.errors import RequestError
from hilum.files import replacing
from hilum.locks import one_writer
from hilum.pixels.formats import READABLE, name_of_format
from hilum.records import ABSTENTIONS
from hilum.records.csv_text import open_to_write, path_cell, row_writer, text_cell
from hilum.store.audit import append
from hilum.store.database import Database
from hilum.store.tables import films, predictions, verdicts

TABLE = "feedback.csv"
COLUMNS = ("path", "label", "patient", "age", "sex", "view")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported, and what was not.

    Attributes:
        table: the file.
        films: in the table.
        gone: films with a verdict whose bytes are not kept.
        disputed: films that readers disagree on.
        without_label: films whose verdicts name no class: rejected without one, or accepted where there was none.
    """

    table: Path
    films: int
    gone: int
    disputed: int
    without_label: int


class _Seen(NamedTuple):
    """A film as one verdict has it."""

    label: str
    facts: tuple[str, ...]  # patient, age, sex, view


@one_writer("out")
def export_feedback(database: Database, out: Path, *, unaided: bool = False, model: str | None = None) -> Exported:
    """Write the films on which verdicts stand, and a table of them, into a folder.

    An accepted answer is the film's label if it is a class; else the class that the reader named is. A film that
    several verdicts give different labels is left out. The same bytes are one film, whoever sent them in. DICOMs are
    written as they were sent in, with what their headers say of a patient.

    Args:
        database: of the store.
        out: a folder that is empty or not there yet.
        unaided: only verdicts that were given before the answer was shown.
        model: only those on answers of the detector of this name.

    Raises:
        RequestError: the folder is not empty, or there is nothing to export.
        StoreError: the database does not answer.
    """
    if any(path.name != ".lock" for path in out.iterdir()):
        raise RequestError(f"--out {out}: is not empty; name another folder")
    with database.read() as connection:
        by_film = _by_film(connection, unaided, model)
        if not by_film:
            raise RequestError("no verdict stands on a prediction that was asked for; there is nothing to export")
        labels = {sha256: {seen.label for seen in each if seen.label} for sha256, each in by_film.items()}
        agreed = {sha256: min(names) for sha256, names in labels.items() if len(names) == 1}
        rows = []
        for sha256, content in _contents(connection, agreed):
            path = out / "films" / f"{sha256}{_ending(content)}"
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            facts = next(seen.facts for seen in by_film[sha256] if seen.label)
            rows.append((path.relative_to(out).as_posix(), agreed[sha256], *facts))
    gone = len(agreed) - len(rows)
    if not rows:
        why = "their films are gone (hilum serve --keep-films keeps them)" if gone else "none of them names a class"
        raise RequestError(f"of {len(by_film):,} films with a verdict {why}; there is nothing to export")
    with replacing(out / TABLE) as temporary, open_to_write(temporary) as file:
        write = row_writer(file)
        write(COLUMNS)
        for path_text, *cells in rows:
            write([path_cell(path_text), *map(text_cell, cells)])
    with database.write() as connection:
        append(connection, "hilum", "exported feedback", detail={"films": len(rows)})
    disputed = sum(len(names) > 1 for names in labels.values())
    without = sum(not names for names in labels.values())
    return Exported(out / TABLE, len(rows), gone, disputed, without)


def _by_film(connection: Connection, unaided: bool, model: str | None) -> dict[str, list[_Seen]]:
    """The verdicts that stand, by the film's hash."""
    query = (
        select(predictions, verdicts.c.decision, verdicts.c.label)
        .join(verdicts, verdicts.c.prediction_id == predictions.c.id)
        .where(verdicts.c.withdrawn.is_(None))
        .order_by(predictions.c.created, predictions.c.id, verdicts.c.id)
    )
    if unaided:
        query = query.where(verdicts.c.unaided)
    if model is not None:
        query = query.where(predictions.c.model == model)
    found: dict[str, list[_Seen]] = defaultdict(list)
    for row in connection.execute(query):
        accepted = row.decision == "accept" and row.answer not in ABSTENTIONS
        label = row.answer if accepted else row.label
        found[row.film_sha256].append(_Seen(label, (row.patient, row.age, row.sex, row.view)))
    return found


def _contents(connection: Connection, wanted: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """The bytes of films that are still there, one film at a time."""
    for sha256 in wanted:
        content = connection.execute(select(films.c.content).where(films.c.sha256 == sha256).limit(1)).scalar()
        if content is not None:
            yield sha256, bytes(content)


def _ending(content: bytes) -> str:
    kind = name_of_format(content[:1024])
    return READABLE.get(kind, READABLE["DICOM"])[0]  # a DICOM without its header has a name of its own
