"""Films and patients that occur more than once, and whether they are in two splits or have two labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hilum.auditing.finding import Finding
from hilum.auditing.similarity import SimilarPair
from hilum.films import leaks
from hilum.films.contents import identical
from hilum.films.wording import count, listed, say
from hilum.records import Film


def leak_findings(films: Sequence[Film]) -> list[Finding]:
    """Patients, and films byte for byte, that are in two splits."""
    found = []
    for leak in leaks(films):
        one, other = leak.splits
        what = f"patient {say(leak.name)}" if leak.what == "patient" else f"the film {say(leak.name)}, byte for byte,"
        found.append(
            Finding(
                "leak",
                "error",
                f"{what} is in {one} and in {other}, so {other} looks better than it is; "
                "put all its films into one split",
                tuple(film.path for film in leak.films),
            )
        )
    return found


def copy_findings(films: Sequence[Film]) -> list[Finding]:
    """Films that are the same byte for byte: how many, and where their labels or patients differ."""
    found: list[Finding] = []
    groups = identical(films)
    for group in groups:
        names = ", ".join(say(film.path) for film in group)
        paths = tuple(film.path for film in group)
        labels = sorted({film.label for film in group if film.label})
        patients = sorted({film.patient for film in group if film.patient})
        if len(labels) > 1:
            found.append(_conflict("byte for byte", names, labels, paths))
        if len(patients) > 1:
            found.append(
                Finding(
                    "patient_conflict",
                    "error",
                    f"one film, byte for byte, of {count(len(patients), 'patient')} ({listed(patients)}): {names}; "
                    "correct the patients, or a split by patient leaks",
                    paths,
                )
            )
    if groups:
        extra = sum(len(group) - 1 for group in groups)
        pairs = count(sum(len(group) * (len(group) - 1) // 2 for group in groups), "pair")
        examples = listed([" = ".join(say(film.path) for film in group) for group in groups])
        found.append(
            Finding(
                "duplicate",
                "note",
                f"{count(len(groups), 'film')} more than once, byte for byte, {extra} in excess, {pairs}: "
                f"{examples}; they count more than the others: keep one of each",
                tuple(film.path for group in groups for film in group),
            )
        )
    return found


def likeness_findings(films: Sequence[Film], pairs: Sequence[SimilarPair]) -> list[Finding]:
    """Films that are one exposure though not byte for byte, and pairs that may be one patient under two names."""
    found = []
    for pair in sorted(pairs, key=lambda pair: not _across(films[pair.one], films[pair.other])):
        one, other = films[pair.one], films[pair.other]
        paths, names = (one.path, other.path), f"{say(one.path)} and {say(other.path)}"
        mirrored = ", one mirrored," if pair.mirrored else ""
        across = _across(one, other)
        two_names = one.patient and other.patient and one.patient != other.patient
        if pair.same:
            labels = sorted({film.label for film in (one, other) if film.label})
            if len(labels) > 1:
                found.append(_conflict(f"saved twice{mirrored} (likeness {pair.score:.2f})", names, labels, paths))
            where = f", in {one.split} and in {other.split}: {other.split} looks better than it is" if across else ""
            whose = f", under two patients ({say(one.patient)}, {say(other.patient)})" if two_names else ""
            found.append(
                Finding(
                    "near_duplicate",
                    "error" if across or two_names else "warning",
                    f"{names} are one exposure{mirrored} though not byte for byte (likeness {pair.score:.2f})"
                    f"{where}{whose}; keep one of them, or give both one split and one patient",
                    paths,
                )
            )
        elif two_names:
            where = f", one in {one.split} and one in {other.split}" if across else ""
            found.append(
                Finding(
                    "same_patient",
                    "warning",
                    f"{names} look like one patient under two names, {say(one.patient)} and {say(other.patient)} "
                    f"(likeness {pair.score:.2f}){where}; if they are, give them one patient in the "
                    "manifest",
                    paths,
                )
            )
    return found


def patient_findings(films: Sequence[Film]) -> list[Finding]:
    """How many patients there are, how many films they have, and how many films are of unknown patients."""
    of: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        if film.patient:
            of[film.patient].append(film)
    unknown = sum(not film.patient for film in films)
    found = []
    if of:
        most = max(of, key=lambda patient: len(of[patient]))
        several = sum(len(group) > 1 for group in of.values())
        both = sum(len({film.label for film in group if film.label}) > 1 for group in of.values())
        words = f"{count(len(of), 'patient')}, {several} of them with several films"
        words += f" (most: {say(most)} with {len(of[most])})" if several else ""
        words += f", {both} with films of more than one class" if both else ""
        found.append(Finding("patients", "note", words))
    if unknown:
        found.append(
            Finding(
                "patients_unknown",
                "warning" if unknown == len(films) else "note",
                f"the patients of {count(unknown, 'film')} are unknown, so two splits may "
                "share patients; give them with a table's patient column or --patient-pattern when you index",
            )
        )
    return found


def _across(one: Film, other: Film) -> bool:
    """Whether two films are in two splits."""
    return bool(one.split and other.split) and one.split != other.split


def _conflict(how: str, names: str, labels: Sequence[str], paths: tuple[str, ...]) -> Finding:
    return Finding(
        "label_conflict",
        "error",
        f"one film, {how}, labelled {' and '.join(say(label) for label in labels)}: {names}; remove the wrong one",
        paths,
    )
