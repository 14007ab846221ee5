"""A table of films: one of a known data set, a CSV with a column of paths and one of labels, or a Hilum manifest."""

from __future__ import annotations

from pathlib import Path

from hilum.errors import LayoutError, NotAFileError
from hilum.files import open_regular
from hilum.films import any_table, datasets
from hilum.films.any_table import with_named_columns
from hilum.films.class_names import ClassNames
from hilum.films.columns import SPLIT_WORDS, Columns
from hilum.films.discovery import SourceFilms
from hilum.films.film_rows import films_of
from hilum.films.findings import Uncertain
from hilum.films.image_locator import ImageLocator
from hilum.films.names import NameReader
from hilum.films.table_text import is_table, parse, read_text
from hilum.films.wording import count, listed, say
from hilum.records import is_manifest_header, read_manifest

__all__ = ["Columns", "is_table", "read_table"]


def read_table(
    source: str,
    columns: Columns,
    naming: NameReader,
    class_names: ClassNames | None = None,
    uncertain: Uncertain = "leave-out",
) -> SourceFilms:
    """The films that a table lists, in its order, each once.

    A known data set is recognised by its columns (`films.datasets`), unless the user names the column of paths or
    that of labels. Paths are
    relative to the table's folder, or in a sub-folder of it.

    Raises:
        LayoutError: the table is damaged, a column is missing or ambiguous, an image is missing, or rows of one film
            contradict each other.
    """
    if _is_manifest(source):
        return _manifest(source)
    text = read_text(source)
    if columns.path is None and columns.label is None:
        known, table = datasets.recognise(source, text)
        if known is not None:
            rows = with_named_columns(datasets.with_classes(known.read(table), class_names), table, columns)
            return films_of(rows, naming, uncertain)
    else:
        table = parse(source, text)
    return films_of(any_table.read(table, columns, class_names or {}), naming, uncertain)


def _is_manifest(source: str) -> bool:
    try:
        with open_regular(source) as file:
            return is_manifest_header(file.readline(1000).decode("latin-1").rstrip("\r\n").split(","))
    except NotAFileError:
        raise
    except OSError as error:
        raise LayoutError(f"{say(source)}: the table cannot be read ({error.strerror})") from None


def _manifest(source: str) -> SourceFilms:
    films = read_manifest(Path(source)).films
    for film in films:
        if film.split not in ("", *SPLIT_WORDS.values()):
            raise LayoutError(
                f"{say(source)}: {say(film.path)} has the split '{film.split}'; write train, val or test"
            )
    missing = [film.path for film in films if not ImageLocator.exists(film.path)]
    if missing:
        raise LayoutError(
            f"{say(source)}: {count(len(missing), 'film')} of {len(films)} missing: {listed(missing)}; "
            "restore them, or make a new manifest with hilum index"
        )
    return SourceFilms(films, settled=any(film.split for film in films))
