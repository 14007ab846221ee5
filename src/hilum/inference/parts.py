"""A folder of Parquet parts that hold the predictions of films, each part whole or not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
from numpy.typing import NDArray
from pyarrow import parquet

from hilum.errors import LayoutError, RequestError
from hilum.files import replacing
from hilum.inference.film_list import COLUMNS, FilmList
from hilum.records import ADDED_COLUMNS, NOT_JUDGED, Film, Predictions
from hilum.workers import batched

_SEAL = b"hilum.bundle"
_PREVALENCE = b"hilum.prevalence"
_DIGEST = 16  # bytes that stand for a path: two of 100 million share one with a chance of 1e-23
Failure = tuple[str, str]  # a film's path, and why it has no prediction


@dataclass(frozen=True, slots=True)
class PartOrigin:
    """What a part was predicted with.

    Attributes:
        seal: of the bundle that predicts (`bundle.Spec.seal`).
        prevalence: what the probabilities are corrected for; empty where they are not.
    """

    seal: str
    prevalence: str = ""

    def metadata(self) -> dict[bytes, bytes]:
        """What each part says of its origin."""
        return {_SEAL: self.seal.encode(), _PREVALENCE: self.prevalence.encode()}


@dataclass(frozen=True, slots=True)
class FinishedParts:
    """What a folder holds already: digests of its films' paths, sorted, and its failures, the first ones named.

    `stopped` is how many of its films the gate stopped.
    """

    digests: NDArray[np.bytes_]
    failed: int
    failures: tuple[Failure, ...]
    stopped: int = 0


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What is left to do.

    Attributes:
        films: how many different films the list names.
        done: how many of them the folder holds already.
        parts: the names of the parts to write; the i-th one's films are the i-th record batch of the plan's file.
    """

    films: int
    done: int
    parts: tuple[str, ...]


def as_unicode(name: str) -> str:
    r"""A name as Parquet can hold it: bytes that are not Unicode (UTF-8) become `\udcXX`."""
    return name.encode("utf-8", "backslashreplace").decode()


def write_part(predictions: Predictions, work: PartOrigin, path: Path) -> None:
    """Write the columns of `predictions.csv` (`records.write_predictions`); probabilities are float64, or null."""
    rows, threshold = predictions.rows, predictions.threshold
    probs = {
        f"prob_{name}": arrow.array([row.probs[place] if row.probs else None for row in rows], arrow.float64())
        for place, name in enumerate(predictions.classes)
    }
    columns = {
        "path": _texts(row.film.path for row in rows),
        "label": _texts(row.film.label for row in rows),
        **probs,
        "prediction": _texts(row.prediction for row in rows),
        "threshold": arrow.array([threshold] * len(rows), arrow.float64()),
        "patient": _texts(row.film.patient for row in rows),
        "split": _texts(row.film.split for row in rows),
        "plausible": _texts("|".join(row.plausible) for row in rows),
        "flags": _texts("; ".join(row.flags) for row in rows),
        "error": _texts(row.error for row in rows),
        "answer": _texts(row.answer for row in rows),
        "why": _texts(row.why for row in rows),
        "remarks": _texts("; ".join(row.remarks) for row in rows),
    }
    with replacing(path) as temporary:
        parquet.write_table(arrow.table(columns).replace_schema_metadata(work.metadata()), temporary)


def _texts(cells: Iterator[str]) -> Any:
    return arrow.array([as_unicode(cell) for cell in cells], arrow.string())


def read_finished(out: Path, work: PartOrigin, named: int) -> FinishedParts:
    """Read which films a folder's parts hold; a part that a killed worker left half written is no part, and goes.

    Args:
        out: the folder; it need not exist.
        work: what its parts must have been written for.
        named: how many failures to keep with path and reason.

    Raises:
        LayoutError: a part is damaged.
        RequestError: a part was written for something else.
    """
    digests, failed, stopped = [np.zeros(0, f"S{_DIGEST}")], 0, 0
    failures: list[Failure] = []
    for half in out.glob(".part-*"):
        half.unlink(missing_ok=True)
    for path in sorted(out.glob("part-*.parquet")):
        try:
            columns = parquet.read_schema(path).names
            table = parquet.read_table(path, columns=["path", "error", *({"answer"} & set(columns))])
        except (arrow.ArrowException, OSError) as error:
            raise LayoutError(
                f"{path}: damaged ({' '.join(str(error).split())}); delete it to predict its films again"
            ) from None
        found = table.schema.metadata or {}
        if any(found.get(key) != value for key, value in work.metadata().items()):
            raise RequestError(f"{path}: of another bundle or --prevalence; name another --out, or empty this one")
        if not set(ADDED_COLUMNS) <= set(columns):
            raise RequestError(
                f"{path}: written by an earlier Hilum, without the columns {', '.join(ADDED_COLUMNS)}; name another "
                "--out, and every film gets an answer"
            )
        names, errors = table.column("path").to_pylist(), table.column("error").to_pylist()
        digests.append(_digests(names))
        bad = [(name, error) for name, error in zip(names, errors, strict=True) if error]
        failed += len(bad)
        stopped += table.column("answer").to_pylist().count(NOT_JUDGED) - len(bad)
        failures += bad[: named - len(failures)]
    return FinishedParts(np.sort(np.concatenate(digests)), failed, tuple(failures), stopped)


def take_out_failures(out: Path, films: FilmList) -> None:
    """Remove the rows of films that could not be read and are in the list, so that they are planned again.

    Each part is replaced as a whole; one in which nothing is left goes.

    Args:
        out: the folder, locked.
        films: those that are asked for.

    Raises:
        OSError: a part cannot be written; it is as it was.
    """
    wanted = np.zeros(0, f"S{_DIGEST}")
    for path in sorted(out.glob("part-*.parquet")):
        table = parquet.read_table(path)
        failed = np.array([bool(error) for error in table.column("error").to_pylist()], bool)
        if not failed.any():
            continue
        if not len(wanted):
            pieces = (_digests([film.path for film in piece]) for piece in batched(films, 65_536))
            wanted = np.sort(np.concatenate([wanted, *pieces]))
        kept = ~(failed & _contains(_digests(table.column("path").to_pylist()), wanted))
        if not kept.any():
            path.unlink()
        elif not kept.all():
            with replacing(path) as temporary:
                parquet.write_table(table.filter(arrow.array(kept)), temporary)


def plan_parts(films: FilmList, already: NDArray[np.bytes_], path: Path) -> PartPlan:
    """Cut a list into parts and write down the films of those that are left to do, one record batch a part.

    A list is always cut at the same places, and a part's name is its first film's place in the list and the digest of
    its films: predicting the same films again writes the same part. A film that is named twice is predicted once,
    where it is named first. Paths are held as digests, 16 bytes each, and not the films.

    Args:
        films: gone through twice.
        already: digests of the films that have predictions, sorted.
        path: the Arrow file to write.

    Raises:
        LayoutError: the list is empty or damaged.
    """
    wanted = np.concatenate(
        [np.zeros(0, already.dtype), *(_digests([film.path for film in piece]) for piece in batched(films, 65_536))]
    )
    if not len(wanted):
        raise LayoutError(f"{films.source}: names no film")
    first = np.zeros(len(wanted), bool)
    first[np.unique(wanted, return_index=True)[1]] = True
    left = first & ~_contains(wanted, already)
    size = part_size(len(wanted))
    names = []
    schema = arrow.schema([(name, arrow.binary()) for name in COLUMNS])
    with (
        replacing(path) as temporary,
        arrow.OSFile(str(temporary), "wb") as file,
        arrow.ipc.new_file(file, schema) as sink,
    ):
        for number, piece in enumerate(batched(films, size)):
            start = number * size
            chosen = left[start : start + size]
            if chosen.any():
                part = [film for film, keep in zip(piece, chosen, strict=True) if keep]
                columns = [
                    arrow.array([os.fsencode(getattr(film, name)) for film in part], arrow.binary())
                    for name in COLUMNS
                ]
                sink.write_batch(arrow.record_batch(columns, schema=schema))
                digest = hashlib.blake2b(wanted[start : start + size][chosen].tobytes(), digest_size=6).hexdigest()
                names.append(f"part-{start:012d}-{digest}.parquet")
    return PartPlan(int(first.sum()), int(first.sum() - left.sum()), tuple(names))


def part_size(films: int) -> int:
    """Films in a part: a thousand parts or so to share out, of 32 films (one batch) to 1,024 (a minute of work)."""
    return min(1024, max(32, films // 1024))


def read_planned(path: Path, number: int) -> list[Film]:
    """The films of a part, from the plan's file."""
    with arrow.memory_map(str(path)) as file:
        columns = arrow.ipc.open_file(file).get_batch(number).to_pydict()
    return [Film(*map(os.fsdecode, row)) for row in zip(*columns.values(), strict=True)]


def _digests(paths: Sequence[str]) -> NDArray[np.bytes_]:
    digests = [hashlib.blake2b(as_unicode(path).encode(), digest_size=_DIGEST).digest() for path in paths]
    return np.array(digests, f"S{_DIGEST}")


def _contains(wanted: NDArray[np.bytes_], ordered: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    places = np.searchsorted(ordered, wanted)
    inside = places < len(ordered)
    inside[inside] = ordered[places[inside]] == wanted[inside]
    return inside
