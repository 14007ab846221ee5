"""What an audit finds from headers alone, as fast as indexing: for the notes of `hilum index`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.auditing.composition import file_findings
from hilum.auditing.facts import FILE_GROUPS, file_facts, grouped
from hilum.auditing.finding import Finding
from hilum.auditing.header import Header, read_header
from hilum.auditing.out_of_fold import FEWEST_OF_A_CLASS, auroc_of_fact
from hilum.errors import FilmError
from hilum.records import Film, Manifest

_INFORMATIVE = 0.75  # AUROC of one fact


def quick_audit(manifest: Manifest) -> list[Finding]:
    """Report sizes, depths, MONOCHROME1, other parts of the body, and the fact that gives the label away most.

    Nothing is decoded. A film whose header cannot be read is skipped: decoding will name it.
    """

    def header_of(film: Film) -> Header | None:
        try:
            return read_header(film.path)
        except FilmError:
            return None

    headers = [header_of(film) for film in manifest]  # parsing keeps the interpreter busy: threads would only wait
    seen = [(film, header) for film, header in zip(manifest, headers, strict=True) if header is not None]
    films, known = [film for film, _ in seen], [header for _, header in seen]
    return file_findings(films, known) + _most_informative_fact(films, known)


def _most_informative_fact(films: Sequence[Film], headers: Sequence[Header]) -> list[Finding]:
    """The one fact that separates a class best, if it does so well."""
    labelled = [(film.label, file_facts(header)) for film, header in zip(films, headers, strict=True) if film.label]
    labels = np.array([label for label, _ in labelled], dtype=object)
    best: tuple[float, str, str] = (_INFORMATIVE, "", "")
    for name in sorted(set(labels)):
        is_name = labels == name
        if min(is_name.sum(), (~is_name).sum()) < FEWEST_OF_A_CLASS:
            continue
        for group in grouped([facts for _, facts in labelled], FILE_GROUPS):
            for column in group.values.T:
                best = max(best, (auroc_of_fact(is_name, column), group.name, name))
    area, group_name, name = best
    if not group_name:
        return []
    return [
        Finding(
            "shortcut",
            "warning",
            f"{group_name} alone tells {name} from the other films with an AUROC of {area:.3f}: a network can learn "
            "the camera instead of the lung; hilum audit gives details",
        )
    ]
