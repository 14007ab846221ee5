"""What an audit found, as `hilum.audit` returns it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from html import escape

from hilum.auditing.audit_record import AuditRecord, PairRecord, SuspectRecord, UnreadableRecord
from hilum.auditing.composition import count_files, count_films
from hilum.auditing.finding import HEADINGS, SEVERITIES, Finding, sentences
from hilum.auditing.shortcut import Probe
from hilum.auditing.similarity import SimilarPair
from hilum.auditing.stamps import Stamp
from hilum.auditing.survey import Survey
from hilum.auditing.suspects import Suspect
from hilum.films.wording import count
from hilum.records import Manifest


@dataclass(slots=True, repr=False)
class Audit:
    """What an audit found in a set of films. Printing it, or showing it in a notebook, lists the findings.

    Attributes:
        manifest: the films that were audited.
        seen: those that could be read; a film's number below is its index among these.
        findings: what was found, worst first; paths in their sentences are relative to `folder`.
        not_checked: what could not be checked on these films, and why.
        duplicates: groups of films with the same bytes, by path.
        pairs: films that are one exposure, or look like one patient.
        stamps: marks on the films of one class.
        probes: the shortcut probes by name; None if no such fact varies.
        suspects: films whose label may be wrong, the most suspicious first.
    """

    manifest: Manifest
    seen: Survey
    findings: list[Finding] = field(default_factory=list)
    not_checked: dict[str, str] = field(default_factory=dict)
    duplicates: list[list[str]] = field(default_factory=list)
    pairs: list[SimilarPair] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)
    probes: dict[str, Probe | None] = field(default_factory=dict)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The folder that holds all films; empty if there is none, or a single film."""
        folders = {os.path.dirname(film.path) for film in self.manifest}
        try:
            return os.path.commonpath(folders) if len(folders) > 1 else ""
        except ValueError:  # some paths begin at the root and some do not, or there is no film
            return ""

    def short(self, words: str) -> str:
        """A path, or text with paths in it, relative to the films' folder."""
        return words.replace(os.path.join(self.folder, ""), "") if self.folder not in ("", os.sep) else words

    @property
    def headline(self) -> str:
        """One sentence: the number of findings that have to be fixed, and of those that somebody has to look at."""
        numbers = [
            (len([finding for finding in self.findings if finding.severity == severity]), words)
            for severity, words in (("error", "to fix before any figure can be trusted"), ("warning", "to look at"))
        ]
        found = " and ".join(f"{count(number, 'finding')} {words}" for number, words in numbers if number)
        return f"{found or 'Nothing that has to be fixed was found'}."

    def record(self) -> AuditRecord:
        """Everything, as `audit.json` holds it."""
        films = self.seen.films
        return AuditRecord(
            folder=self.folder,
            films=len(self.manifest),
            read=len(self.seen),
            findings=tuple(self.findings),
            not_checked=self.not_checked,
            counts=count_films(self.manifest.films),
            files=count_files(self.seen.headers),
            unreadable=tuple(UnreadableRecord(error.path, error.reason) for error in self.seen.unreadable),
            duplicates=tuple(tuple(group) for group in self.duplicates),
            alike=tuple(
                PairRecord(films[pair.one].path, films[pair.other].path, pair.score, pair.mirrored, pair.same)
                for pair in self.pairs
            ),
            stamps=tuple(self.stamps),
            probes=self.probes,
            suspects=tuple(
                SuspectRecord(films[each.film].path, films[each.film].patient, each.given, each.likely, each.prob)
                for each in self.suspects
            ),
        )

    def __repr__(self) -> str:
        """The findings, worst first, a line each."""
        lines = [f"{len(self.seen):,} films audited{f' in {self.folder}' if self.folder else ''}"]
        for heading, found in self._groups():
            lines += [f"-- {heading}", *(f"   {line}" for line in found)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The findings as lists, for a notebook."""
        where = f" in {escape(self.folder)}" if self.folder else ""
        parts = [f"<p><strong>{len(self.seen):,} films audited{where}.</strong> {escape(self.headline)}</p>"]
        for heading, found in self._groups():
            items = "".join(f"<li>{escape(line)}</li>" for line in found)
            parts.append(f"<p>{heading}</p><ul>{items}</ul>")
        return f"<div>{''.join(parts)}</div>"

    def _groups(self) -> list[tuple[str, list[str]]]:
        groups = [(HEADINGS[severity], sentences(self.findings, severity)) for severity in SEVERITIES]
        groups.append(("Not checked", [f"{what}: {why}" for what, why in self.not_checked.items()]))
        return [(heading, found) for heading, found in groups if found]
