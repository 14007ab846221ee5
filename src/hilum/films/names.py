"""Patients, causes of pneumonia and classes, read from file names.

The known naming schemes are those of Kermany's films (Kermany et al., Cell 172, 2018; Mendeley Data
10.17632/rscbjbr9sj, versions 2 and 3) and of the sets of Shenzhen and Montgomery County (Jaeger et al., Quantitative
Imaging in Medicine and Surgery 4, 2014). For any other data set the user gives a pattern.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from hilum.errors import LayoutError


@dataclass(frozen=True, slots=True)
class Scheme:
    """A naming scheme of a published data set.

    Attributes:
        title: what it is called in a note.
        pattern: matches a whole name without its ending; groups `patient`, and `cause` or `class` where it has them.
        labels: the class that each value of the group `class` stands for.
    """

    title: str
    pattern: re.Pattern[str]
    labels: tuple[tuple[str, str], ...] = ()

    def label_of(self, path: str) -> str:
        """The class that a name contains; empty if it contains none."""
        match = self.pattern.fullmatch(_stem(path))
        return dict(self.labels).get(match["class"], "") if match and self.labels else ""


_NLM = (("0", "NORMAL"), ("1", "ABNORMAL"))  # Jaeger et al., Quant. Imaging Med. Surg. 4(6), 2014
SCHEMES = (
    # person1000_bacteria_2931, person447_virus_921_1. The numbering of persons with bacteria and of persons with a
    # virus are two different ones, so the cause belongs to the identifier.
    Scheme("Kermany's", re.compile(r"(?P<patient>person\d+_(?P<cause>bacteria|virus))(?:_\d+)+", re.ASCII)),
    # IM-0115-0001, IM-0309-0001-0002, NORMAL2-IM-1427-0001
    Scheme("Kermany's", re.compile(r"(?P<patient>(?:NORMAL\d*-)?IM-\d+)(?:-\d+)+", re.ASCII)),
    # BACTERIA-7422-0001: the class or cause, the patient's number, the film's number
    Scheme("Kermany's", re.compile(r"(?P<cause>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-\d+", re.ASCII)),
    # CHNCXR_0001_0: the patient's number, then 0 for a normal film and 1 for an abnormal one
    Scheme("Shenzhen's", re.compile(r"(?P<patient>CHNCXR_\d+)_(?P<class>[01])", re.ASCII), _NLM),
    Scheme("Montgomery's", re.compile(r"(?P<patient>MCUCXR_\d+)_(?P<class>[01])", re.ASCII), _NLM),
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
    for scheme in SCHEMES:
        match = scheme.pattern.fullmatch(_stem(path))
        if match:
            cause = (match.groupdict().get("cause") or "").lower()
            return Name(match["patient"], cause if cause != "normal" else "")
    return Name()


def scheme_of(path: str) -> Scheme | None:
    """The naming scheme that a film's file name follows; None if it follows none that is known."""
    return next((scheme for scheme in SCHEMES if scheme.pattern.fullmatch(_stem(path))), None)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


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
