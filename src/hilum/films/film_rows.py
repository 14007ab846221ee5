"""What the rows of a table say of films, and the films that come of them: several rows of one film are merged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hilum.errors import LayoutError
from hilum.films.discovery import SourceFilms
from hilum.films.findings import Findings, Uncertain, most
from hilum.films.image_locator import ImageLocator
from hilum.films.names import NameReader
from hilum.films.views import is_frontal, is_lateral, plain_view
from hilum.films.wording import count, listed, say
from hilum.records import Film

# What a row says besides what the film shows; two rows of a film must not contradict each other in it.
_FACTS = ("patient", "split", "subtype", "view", "age", "sex", "site")


@dataclass(frozen=True, slots=True)
class FilmRow:
    """What one row says of one film; what it does not say is empty.

    Attributes:
        line: where the row begins in the table, from 1.
        names: the film's file as the table names it; several where it may lie at one of several places.
        findings: what the film shows, in the table's words.
        uncertain: findings that the table calls uncertain.
        reader: who says so, where several read each film.
        patient: the patient.
        split: `train`, `val` or `test`.
        subtype: the cause.
        view: the projection.
        age: in years.
        sex: `F` or `M`.
        site: the hospital or the machine.
    """

    line: int
    names: tuple[str, ...]
    findings: tuple[str, ...]
    uncertain: tuple[str, ...] = ()
    reader: str = ""
    patient: str = ""
    split: str = ""
    subtype: str = ""
    view: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class FilmRows:
    """What a table says, or the tables of a data set.

    Attributes:
        table: the table that the messages name.
        root: the folder below which the films lie.
        entries: what its rows say, in order.
        findings: how findings become classes; None where each row has one label, which is the class.
        data_set: the known data set that this is, or empty.
        read: how its columns were read, for a person.
        by_vote: whether the class is what most of a film's readers say; else all rows of a film count.
        only_frontal: whether films are left out whose view is not given as frontal.
        notes: what else the person should know.
        there: the films below the root, where they were read already.
    """

    table: str
    root: str
    entries: tuple[FilmRow, ...]
    findings: Findings | None = None
    data_set: str = ""
    read: str = ""
    by_vote: bool = False
    only_frontal: bool = False
    notes: tuple[str, ...] = ()
    there: tuple[str, ...] | None = None


def films_of(source: FilmRows, naming: NameReader, uncertain: Uncertain) -> SourceFilms:
    """The films that a table's rows name, in the rows' order, each once.

    Raises:
        LayoutError: no film is found, a film of an unknown table is missing, or rows of a film contradict each other.
    """
    return RowMerger(source, naming, uncertain).films()


@dataclass(slots=True)
class RowMerger:
    """Makes the films of the rows of a table; `films` does it, and may raise what `films_of` says.

    Attributes:
        source: what the table says.
        naming: how patients are read from names.
        uncertain: what an uncertain finding counts as.
        left: how many films were left out, by reason.
        unlabelled: how many films have no class, by reason.
        listed: the films that the table lists; of those that were left out, the ones that were read already.
    """

    source: FilmRows
    naming: NameReader
    uncertain: Uncertain
    left: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)

    def films(self) -> SourceFilms:
        """The films, in the order of their first rows, with notes on what was left out and how the rows were read."""
        table = say(self.source.table)
        written = [entry.names[0] for entry in self.source.entries]
        locator = ImageLocator(self.source.table, self.source.root, written, self.source.there)
        rows = self._rows_by_film(locator)
        films = tuple(self._film(path, entries) for path, entries in rows.items())
        notes = [f"{table}: {count(n, 'film')} unlabelled ({why})" for why, n in self.unlabelled.most_common()]
        notes += [f"{table}: {count(n, 'film')} left out ({why})" for why, n in self.left.most_common()]
        if merged := sum(len(entries) > 1 for entries in rows.values()):
            how = "the class is what most of the readers say" if self.source.by_vote else "merged"
            notes.append(f"{table}: {count(merged, 'film')} in several rows each; {how}")
        if self.source.data_set:
            notes.append(f"{table}: {self.source.data_set}: {self.source.read}")
        notes += [f"{table}: {note}" for note in (*self.source.notes, *self._unmatched(), *locator.notes())]
        below = tuple(entries[0].names[0].replace("\\", "/") for entries in rows.values())
        return SourceFilms(films, tuple(notes), below=below, findings=self._words())

    def _rows_by_film(self, locator: ImageLocator) -> dict[str, list[FilmRow]]:
        """The rows of each film that is there and frontal."""
        found: dict[tuple[str, ...], str | None] = {}
        rows: dict[str, list[FilmRow]] = {}
        missing: list[str] = []
        for entry in self.source.entries:
            if why := self._other_view(entry.view):
                self.left[why] += 1
                if self.source.there is not None:
                    self.listed.add(locator.find(entry.names, entry.split) or "")
                continue
            if entry.names not in found:
                found[entry.names] = path = locator.find(entry.names, entry.split)
                if path is None:
                    missing.append(entry.names[0])
            path = found[entry.names]
            if path is not None:
                rows.setdefault(path, []).append(entry)
                self.listed.add(path)
        if missing and (not rows or not self.source.data_set):
            raise LayoutError(
                f"{say(self.source.table)}: {len(missing)} of {count(len(found), 'image')} not found "
                f"({listed(missing)}); they are searched for {self._where()}"
            )
        if missing:
            self.left[f"not in the folder: {listed(missing, 2)}"] = len(missing)
        if not rows:
            raise LayoutError(f"{say(self.source.table)}: no frontal film ({listed(self.left)})")
        return rows

    def _where(self) -> str:
        if self.source.data_set:
            return f"in {say(self.source.root or '.')} and the folders below it"
        return "next to the table and in the folders below it"

    def _other_view(self, view: str) -> str:
        """Why a film's view is not one that a detector is made for, or empty."""
        if is_lateral(view):
            return f"a lateral view: {say(plain_view(view))}"
        if self.source.only_frontal and not is_frontal(view):
            return f"not a frontal view: {say(plain_view(view))}" if view else "no view is given"
        return ""

    def _film(self, path: str, entries: list[FilmRow]) -> Film:
        label, why = self._label(entries)
        if why:
            self.unlabelled[why] += 1
        facts = {name: self._agreed(entries, name) for name in _FACTS}
        name = self.naming.read(entries[0].names[0])
        facts["patient"] = facts["patient"] or name.patient
        facts["subtype"] = facts["subtype"] or name.subtype
        return Film(path, label=label, **facts)

    def _label(self, entries: list[FilmRow]) -> tuple[str, str]:
        findings = self.source.findings
        if findings is None:
            return self._one_label(entries)
        readers: dict[str, list[FilmRow]] = {}
        for entry in entries:
            readers.setdefault(entry.reader if self.source.by_vote else "", []).append(entry)
        answers = [
            findings.class_of(
                [name for entry in rows for name in entry.findings],
                [name for entry in rows for name in entry.uncertain],
                self.uncertain,
            )
            for rows in readers.values()
        ]
        if len(answers) == 1:
            return answers[0]
        label = most(Counter(label or "other" for label, _ in answers))
        if label == "other":
            return "", findings.neither
        return label, "" if label else "the readers disagree, and none of their classes has most of them"

    def _one_label(self, entries: list[FilmRow]) -> tuple[str, str]:
        """The one label that a film's rows have, where any has one."""
        labels: dict[str, FilmRow] = {}
        for entry in entries:
            if entry.findings and entry.findings[0]:
                labels.setdefault(entry.findings[0], entry)
        if len(labels) > 1:
            (first, one), (second, other) = list(labels.items())[:2]
            raise LayoutError(
                f"{say(self.source.table)}: lines {one.line} and {other.line} both list {say(other.names[0])}, as "
                f"{say(first)} and as {say(second)}; remove one; or, where each line is one finding of a film, say "
                "which findings make which class: --class 'PNEUMONIA=pneumonia'"
            )
        label = next(iter(labels), "")
        return label, "" if label else "their label is empty"

    def _agreed(self, entries: list[FilmRow], name: str) -> str:
        """What a film's rows say in a column, where they say anything."""
        values: dict[str, FilmRow] = {}
        for entry in entries:
            if value := getattr(entry, name):
                values.setdefault(value, entry)
        if len(values) > 1:
            one, other = list(values.values())[:2]
            raise LayoutError(
                f"{say(self.source.table)}: lines {one.line} and {other.line} both list {say(other.names[0])}, with "
                f"the {name} {say(getattr(one, name))} and {say(getattr(other, name))}; correct one of them"
            )
        return next(iter(values), "")

    def _words(self) -> frozenset[str]:
        """The findings of the rows, and those of the classes of which a row has any."""
        if self.source.findings is None:
            return frozenset()
        rows = {name for entry in self.source.entries for name in (*entry.findings, *entry.uncertain)}
        return frozenset(rows | set(self.source.findings.of_classes_in(rows)))

    def _unmatched(self) -> list[str]:
        """A note on names of findings that no row has: a misspelt one would leave a class empty."""
        findings = self.source.findings
        if findings is None:
            return []
        tally = Counter(name for entry in self.source.entries for name in (*entry.findings, *entry.uncertain))
        if not (missing := findings.unmatched(tally)):
            return []
        return [
            f"no row has {listed(missing, 9)}; the findings are {listed((n for n, _ in tally.most_common()), 20)}"
        ]
