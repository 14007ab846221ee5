"""What a set of films consists of: classes and causes by split, sizes, depths and kinds of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hilum.auditing.facts import Facts
from hilum.auditing.finding import Finding
from hilum.auditing.header import Header
from hilum.films.wording import count, listed, say
from hilum.records import SPLITS, Film

_CHESTS = ("CHEST", "THORAX", "LUNG", "RIB")  # what DICOM's Body Part Examined calls one (PS3.16, Annex L)
_FRAME = 0.02  # share of a film that an even border has to cover to be reported


class SplitCounts(Struct, frozen=True):
    """What one split holds.

    Attributes:
        films: the number of films.
        patients: the number of known patients.
        classes: films by class; `unlabelled` for films without a label.
        causes: films by cause, of those that have one.
    """

    films: int
    patients: int
    classes: dict[str, int]
    causes: dict[str, int]


class SizeCounts(Struct, frozen=True):
    """The sizes of films.

    Attributes:
        different: the number of different sizes.
        smallest: width and height of the one with the fewest pixels.
        largest: width and height of the one with the most pixels.
    """

    different: int
    smallest: tuple[int, int]
    largest: tuple[int, int]


class FileCounts(Struct, frozen=True):
    """What the films' files are; each dictionary counts films.

    Attributes:
        encodings: by encoding.
        bits: by bits of a sample.
        channels: by channels of a pixel.
        photometric: by DICOM's Photometric Interpretation, of those that have one.
        makers: by manufacturer, of those that name one.
        sizes: the range of sizes.
    """

    encodings: dict[str, int]
    bits: dict[str, int]
    channels: dict[str, int]
    photometric: dict[str, int]
    makers: dict[str, int]
    sizes: SizeCounts


def count_films(films: Sequence[Film]) -> dict[str, SplitCounts]:
    """Count films, patients, classes and causes by split; `none` is the key of films without one."""
    table = {}
    for split in (*SPLITS, ""):
        here = [film for film in films if film.split == split]
        if here:
            table[split or "none"] = SplitCounts(
                films=len(here),
                patients=len({film.patient for film in here if film.patient}),
                classes=_tally(film.label or "unlabelled" for film in here),
                causes=_tally(film.subtype for film in here if film.subtype),
            )
    return table


def count_files(headers: Sequence[Header]) -> FileCounts | None:
    """Count encodings, depths, channels, polarities, makers and sizes; None without a film."""
    if not headers:
        return None
    sizes = Counter((header.width, header.height) for header in headers)
    small, large = min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])
    return FileCounts(
        encodings=_tally(header.encoding for header in headers),
        bits=_tally(str(header.bits) for header in headers),
        channels=_tally(str(header.channels) for header in headers),
        photometric=_tally(header.photometric for header in headers if header.photometric),
        makers=_tally(header.maker for header in headers if header.maker),
        sizes=SizeCounts(len(sizes), small, large),
    )


def count_findings(films: Sequence[Film]) -> list[Finding]:
    """A line with the counts of each split, and the classes that a split lacks."""
    found = []
    table = count_films(films)
    everywhere = sorted({film.label for film in films if film.label})
    for split, row in table.items():
        classes = ", ".join(f"{say(name)} {number:,}" for name, number in row.classes.items())
        causes = ", ".join(f"{say(name)} {number:,}" for name, number in row.causes.items())
        where = "without a split" if split == "none" else split
        found.append(
            Finding(
                "counts",
                "note",
                f"{where}: {count(row.films, 'film')}: {classes}{f' ({causes})' if causes else ''}",
            )
        )
        lacking = [name for name in everywhere if name not in row.classes]
        if lacking and split != "none":
            found.append(
                Finding(
                    "one_class" if len(row.classes) == 1 else "class_missing",
                    "warning",
                    f"{split} has no film of {listed(lacking)}: classes cannot be compared on it; "
                    "make a split that has all classes",
                )
            )
    if len(everywhere) == 1:
        words = f"all films are labelled {say(everywhere[0])}, so there is nothing to tell apart; add another class"
        found.append(Finding("one_class", "warning", words))
    return found


def file_findings(films: Sequence[Film], headers: Sequence[Header]) -> list[Finding]:
    """A note on sizes, depths and encodings, and films whose header names another part of the body."""
    table = count_files(headers)
    if table is None:
        return []
    small, large, different = table.sizes.smallest, table.sizes.largest, table.sizes.different
    size = f"all {small[0]}×{small[1]}" if different == 1 else (
        f"{count(different, 'size')}, {small[0]}×{small[1]} to {large[0]}×{large[1]}"
    )  # fmt: skip
    kinds = "; ".join(
        ", ".join(f"{say(name)}{suffix} {number:,}" for name, number in counts.items())
        for counts, suffix in (
            (table.encodings, ""),
            (table.bits, " bits"),
            (table.photometric, ""),
            (table.makers, ""),
        )
        if counts
    )
    found = [Finding("files", "note", f"{size}; {kinds}")]
    both = list(zip(films, headers, strict=True))
    inverted = [film.path for film, header in both if header.photometric == "MONOCHROME1"]
    if inverted and len(inverted) < len(headers):
        words = f"{count(len(inverted), 'film')} of {len(headers)} stored as MONOCHROME1 and inverted here"
        found.append(Finding("monochrome1", "note", f"{words}: {listed(inverted)}", tuple(inverted)))
    others = [
        film.path
        for film, header in both
        if header.body_part and not any(word in header.body_part.upper() for word in _CHESTS)
    ]
    if others:
        words = f"the DICOM header of {count(len(others), 'film')} names another part of the body than the chest"
        found.append(
            Finding(
                "body_part",
                "warning",
                f"{words}: {listed(others)}; look at them, and remove those that are not of the chest",
                tuple(others),
            )
        )
    return found


def picture_findings(films: Sequence[Film], before: Sequence[Facts]) -> list[Finding]:
    """How many films of each class have an even border around them, and burnt-in letters."""
    found = []
    sides = ("border_top", "border_bottom", "border_left", "border_right")
    frames = [max(float(facts[side]) for side in sides) for facts in before]
    letters = [float(facts["letters"]) for facts in before]
    widest = f"an even border (widest: {max(frames, default=0):.0%} of the film)"
    for kind, has, what in (
        ("border", [width >= _FRAME for width in frames], widest),
        ("letters", [number > 0 for number in letters], "burnt-in letters that the audit can see"),
    ):  # fmt: skip
        if not any(has):
            continue
        shares = ", ".join(
            f"{sum(inside) / len(inside):.0%} of {say(label)}"
            for label in sorted({film.label for film in films if film.label})
            if (inside := [flag for flag, film in zip(has, films, strict=True) if film.label == label])
        )
        chosen = tuple(film.path for flag, film in zip(has, films, strict=True) if flag)
        words = f"{count(len(chosen), 'film')} {'has' if len(chosen) == 1 else 'have'} {what}"
        found.append(Finding(kind, "note", f"{words}{f': {shares}' if shares else ''}", chosen))
    return found


def _tally(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
