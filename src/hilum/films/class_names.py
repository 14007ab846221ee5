"""Names of classes: spellings of one class become one name, and the user says what no list can know."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hilum.errors import LayoutError, RequestError
from hilum.films.wording import count, listed, say
from hilum.records import Film, Manifest

NEGATIVE = frozenset({"normal", "normals", "healthy", "negative", "no finding", "no findings", "normal chest"})
_FINDING = frozenset({"pneumonia", "pneumonias", "opacity", "opacities", "lung opacity", "lung opacities"})
_BACTERIA = frozenset({"bacteria", "bacterial", "bacterial pneumonia", "pneumonia bacterial"})
_VIRUS = frozenset({"virus", "viral", "viral pneumonia", "pneumonia viral"})
_SYNONYMS = (NEGATIVE, _FINDING, _BACTERIA, _VIRUS)

ClassNames = Mapping[str, Sequence[str]]


def fold(name: str) -> str:
    """A class's name without what is only spelling: case, underscores, hyphens in it, spaces at the ends.

    A hyphen at an end is a sign: `-1` is not `1`, and `TB-` is not `TB`.

    >>> fold(" No_Finding"), fold("NO-FINDING "), fold("COVID - 19"), fold("-1.0")
    ('no finding', 'no finding', 'covid 19', '-1.0')
    """
    folded = re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()
    return re.sub(r"(?<=\w) ?-+ ?(?=\w)", " ", folded)


def is_negative(name: str) -> bool:
    """Whether a class is plainly the one without the finding."""
    return fold(name) in NEGATIVE


def is_known_class(name: str) -> bool:
    """Whether a name is plainly a class of chest films.

    >>> is_known_class("Lung_Opacity"), is_known_class("COVID-19"), is_known_class("batch3")
    (True, True, False)
    """
    folded = fold(name)
    if "data" in folded:  # COVID-19_Radiography_Dataset
        return False
    return any(folded in names for names in _SYNONYMS) or folded.replace(" ", "").startswith(("covid", "tuberculo"))


def parse_class_names(options: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What `--class NAME=name,name` says, once or several times.

    Raises:
        RequestError: an option is not of that form, or a name is given to two classes.

    >>> parse_class_names(["PNEUMONIA=pneumonia, lung opacity"])
    {'PNEUMONIA': ('pneumonia', 'lung opacity')}
    """
    named: dict[str, tuple[str, ...]] = {}
    for option in options:
        target, equals, rest = option.partition("=")
        names = tuple(name.strip() for name in rest.split(",") if name.strip())
        if not equals or not target.strip() or not names:
            raise RequestError(
                f"--class '{say(option)}': write the class, then the names that the films have: "
                '--class "PNEUMONIA=pneumonia,lung opacity"'
            )
        named[target.strip()] = (*named.get(target.strip(), ()), *names)
    _targets(named)
    return named


def _targets(named: ClassNames) -> dict[str, str]:
    """The class that each name belongs to, by the name without its spelling."""
    targets = {fold(target): target for target in named}
    for target, names in named.items():
        for name in names:
            other = targets.setdefault(fold(name), target)
            if other != target:
                raise RequestError(
                    f"--class gives '{say(name)}' to {say(other)} and to {say(target)}; give it to one of them"
                )
    return targets


def rename(label: str, named: ClassNames) -> str:
    """The class that the user's names give a label; the label itself where they do not mention it.

    >>> rename("Lung_Opacity", {"PNEUMONIA": ("pneumonia", "lung opacity")})
    'PNEUMONIA'
    """
    return _targets(named).get(fold(label), label) if label and named else label


def merge_spellings(
    films: Sequence[Film], named: ClassNames | None = None, findings: Iterable[str] = ()
) -> tuple[tuple[Film, ...], list[str]]:
    """Give the films of one class one name, and say so.

    First comes what the user says. Then names that differ by case, spaces, underscores or hyphens are one class, and
    so are the names of a class without findings (normal, healthy, negative, no finding). A class that the user
    named is never merged with another one. Where the user names the class without findings and another one, there
    are no others: films of other classes have no label any more.

    Args:
        films: labelled and unlabelled films.
        named: a class's name, and the names that the films have for it.
        findings: names that the films' tables have for what they show, of which classes were made already.

    Returns:
        The films, in order, and a note on every class that had several names.

    Raises:
        RequestError: the user's names are none of the films', or one name is given to two classes.
        LayoutError: two names may be one class or two, such as pneumonia and lung opacity.
    """
    named = named or {}
    targets = _targets(named)
    numbers = Counter(film.label for film in films if film.label)
    notes = _notes_on_unused(named, [*numbers, *findings])
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(numbers):
        folded = fold(label)
        if folded in targets:
            groups[f"={targets[folded]}"].append(label)
        else:
            groups["normal" if folded in NEGATIVE else folded].append(label)
    names: dict[str, str] = {}
    for key, labels in groups.items():
        target = key[1:] if key.startswith("=") else min(labels, key=lambda label: (-numbers[label], label))
        names |= dict.fromkeys(labels, target)
        if labels != [target]:
            parts = listed((f"{label} ({numbers[label]})" for label in labels), 6)
            notes.append(f"one class under several names, {say(target)}: {parts}" if len(labels) > 1
                         else f"the class {say(labels[0])} is called {say(target)}")  # fmt: skip
    if len(named) > 1 and any(map(is_negative, named)):
        others = {label: numbers[label] for label, target in names.items() if target not in named}
        if others:
            notes.append(
                f"{count(sum(others.values()), 'film')} unlabelled, of classes that --class does not name: "
                f"{listed((f'{label} ({number})' for label, number in others.items()), 9)}"
            )
            names |= dict.fromkeys(others, "")
    _ask(set(names.values()) - set(named))
    return tuple(replace(film, label=names.get(film.label, film.label)) for film in films), notes


def _notes_on_unused(named: ClassNames, known: Iterable[str]) -> list[str]:
    known = set(known)
    there = {fold(label) for label in known}
    notes = []
    for target, names in named.items():
        missing = [name for name in names if fold(name) not in there]
        if there and len(missing) == len(names) and fold(target) not in there:
            raise RequestError(
                f"--class {say(target)}: no film has the class {listed(names, 9)}; the films have: "
                f"{listed(sorted(known), 9)}"
            )
        if missing:
            notes.append(f"no film has the class {listed(missing, 9)}, which --class gives to {say(target)}")
    return notes


def _ask(labels: Iterable[str]) -> None:
    several = sorted(label for label in labels if fold(label) in _FINDING)
    if len(several) > 1:
        one, other = several[:2]
        raise LayoutError(
            f"are {say(one)} and {say(other)} one class or two? For one: --class "
            f"'{say(one)}={','.join(map(say, several))}'; for two: --class '{say(other)}={say(other)}'"
        )


@dataclass(frozen=True, slots=True)
class MatchedFilms:
    """Films under the names of a detector's classes.

    Attributes:
        manifest: the films, in order.
        notes: which names were matched, and how many films were left out.
    """

    manifest: Manifest
    notes: tuple[str, ...]


def match_classes(manifest: Manifest, classes: Sequence[str], asked: Sequence[str] = ()) -> MatchedFilms:
    """Give films the names of a detector's classes where theirs differ by spelling or are a known synonym.

    Args:
        manifest: the films.
        classes: the detector's.
        asked: the films' own names of these classes, in the same order; films of other classes are left out.

    Raises:
        RequestError: `asked` has another number of classes, or a name that no film has.
    """
    labels = manifest.labels
    if not asked:
        matched = {label: _match(label, classes) for label in labels}
        renamed = [f"{say(label)} as {say(name)}" for label, name in matched.items() if name != label]
        matches = (f"class names matched with the detector's: {listed(renamed, 9)}",) if renamed else ()
        films = tuple(replace(film, label=matched.get(film.label, "")) for film in manifest)
        return MatchedFilms(Manifest(films, manifest.notes), matches)
    if len(asked) != len(classes):
        raise RequestError(
            f"--classes names {count(len(asked), 'class')}, and the detector has {listed(classes, 9)}; name the "
            "films' classes in that order"
        )
    by_fold = {fold(name): own for name, own in zip(asked, classes, strict=True)}
    if missing := [name for name in asked if fold(name) not in {fold(label) for label in labels}]:
        raise RequestError(
            f"--classes: no film has the class {listed(missing, 9)}; the films have: {listed(labels, 9)}"
        )
    kept = manifest.where(lambda film: not film.label or fold(film.label) in by_fold)
    named = [f"{say(name)} as {say(own)}" for name, own in zip(asked, classes, strict=True)]
    notes = [f"class names as --classes says: {listed(named, 9)}"]
    if left := Counter(film.label for film in manifest if film.label and fold(film.label) not in by_fold):
        others = listed((f"{label} ({number})" for label, number in left.most_common()), 9)
        notes.append(f"{count(left.total(), 'film')} left out, of classes that --classes does not name: {others}")
    films = tuple(replace(film, label=by_fold.get(fold(film.label), "")) for film in kept)
    return MatchedFilms(Manifest(films, manifest.notes), tuple(notes))


def _match(label: str, classes: Sequence[str]) -> str:
    """The detector's class that a label means, or the label itself."""
    if label in classes:
        return label
    folded = fold(label)
    same = [name for name in classes if fold(name) == folded]
    if not same:
        group = next((group for group in _SYNONYMS if folded in group), frozenset[str]())
        same = [name for name in classes if fold(name) in group]
    return same[0] if len(same) == 1 else label
