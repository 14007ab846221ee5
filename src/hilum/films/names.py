"""Patients and causes of pneumonia, read from file names.

Two naming schemes are known, under which Kermany's films were published (Kermany et al., Cell 172, 2018;
Mendeley Data 10.17632/rscbjbr9sj, versions 2 and 3). For any other data set the user gives a pattern.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from hilum.errors import LayoutError

SCHEMES = (
    # person1000_bacteria_2931, person447_virus_921_1. The numbering of persons with bacteria and of persons with a
    # virus are two different ones, so the cause belongs to the identifier.
    re.compile(r"(?P<patient>person\d+_(?P<cause>bacteria|virus))(?:_\d+)+", re.ASCII),
    # IM-0115-0001, IM-0309-0001-0002, NORMAL2-IM-1427-0001
    re.compile(r"(?P<patient>(?:NORMAL\d*-)?IM-\d+)(?:-\d+)+", re.ASCII),
    # BACTERIA-7422-0001: the class or cause, the patient's number, the film's number
    re.compile(r"(?P<cause>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-\d+", re.ASCII),
)


@dataclass(frozen=True, slots=True)
class Name:
    """What a name contains; empty if it does not contain it.

    Attributes:
        patient: an identifier that is the same for every film of one patient.
        subtype: the cause, `bacteria` or `virus`.
    """

    patient: str = ""
    subtype: str = ""


def read_name(path: str) -> Name:
    """Read a film's file name by the known schemes; any other name gives empty fields.

    >>> read_name("train/PNEUMONIA/person7_bacteria_24.jpeg")
    Name(patient='person7_bacteria', subtype='bacteria')
    """
    stem = os.path.splitext(os.path.basename(path))[0]
    for scheme in SCHEMES:
        match = scheme.fullmatch(stem)
        if match:
            cause = (match.groupdict().get("cause") or "").lower()
            return Name(match["patient"], cause if cause != "normal" else "")
    return Name()


@dataclass(frozen=True, slots=True)
class NameReader:
    """Reads patients from names: by the known schemes, or by a pattern that replaces them.

    Attributes:
        pattern: searched in a film's path below its class folder (as a table writes it); its group `patient` is the
            patient. The cause is read by the known schemes either way.
    """

    pattern: re.Pattern[str] | None = None

    def read(self, path: str) -> Name:
        """Read a path; a film that the pattern does not match is of an unknown patient."""
        name = read_name(path)
        if self.pattern is None:
            return name
        match = self.pattern.search(path)
        return Name((match["patient"] or "") if match else "", name.subtype)


def compile_pattern(pattern: str | None) -> re.Pattern[str] | None:
    """The pattern of `--patient-pattern`, compiled.

    Raises:
        LayoutError: it is not a regular expression, or has no group called `patient`.
    """
    if pattern is None:
        return None
    example = r"such as '(?P<patient>p\d+)_'"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LayoutError(
            f"--patient-pattern {pattern!r}: not a regular expression ({error}); write one {example}"
        ) from None
    if "patient" not in compiled.groupindex:
        raise LayoutError(f"--patient-pattern {pattern!r}: it has no group called patient; write one {example}")
    return compiled
