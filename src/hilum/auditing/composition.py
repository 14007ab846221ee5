"""What there is: classes and causes by split, sizes, depths, kinds of files, and what stands out among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hilum.auditing.facts import Facts
from hilum.auditing.finding import Finding
from hilum.auditing.header import Header
from hilum.films.wording import count, listed, say
from hilum.records import SPLITS, Film

_CHESTS = ("CHEST", "THORAX", "LUNG", "RIB")  # what DICOM's Body Part Examined calls one (PS3.16, Annex L)
_FRAME = 0.02  # share of a film that an even border has to cover to be told


def count_films(films: Sequence[Film]) -> dict[str, dict[str, Any]]:
    """By split (`none` for films without one): films, patients, classes, and causes."""
    table = {}
    for split in (*SPLITS, ""):
        here = [film for film in films if film.split == split]
        if here:
            table[split or "none"] = {
                "films": len(here),
                "patients": len({film.patient for film in here if film.patient}),
                "classes": _tally(film.label or "unlabelled" for film in here),
                "causes": _tally(film.subtype for film in here if film.subtype),
            }
    return table


def count_files(headers: Sequence[Header]) -> dict[str, Any]:
    """Encodings, depths, channels, polarities, makers, and the range of sizes."""
    if not headers:
        return {}
    sizes = Counter((header.width, header.height) for header in headers)
    small, large = min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])
    return {
        "encodings": _tally(header.encoding for header in headers),
        "bits": _tally(str(header.bits) for header in headers),
        "channels": _tally(str(header.channels) for header in headers),
        "photometric": _tally(header.photometric for header in headers if header.photometric),
        "makers": _tally(header.maker for header in headers if header.maker),
        "sizes": {"different": len(sizes), "smallest": list(small), "largest": list(large)},
    }


def count_findings(films: Sequence[Film]) -> list[Finding]:
    """The counts as a line for each split, and classes that a split lacks."""
    found = []
    table = count_films(films)
    everywhere = sorted({film.label for film in films if film.label})
    for split, row in table.items():
        classes = ", ".join(f"{say(name)} {number:,}" for name, number in row["classes"].items())
        causes = ", ".join(f"{say(name)} {number:,}" for name, number in row["causes"].items())
        where = "without a split" if split == "none" else split
        found.append(
            Finding(
                "counts",
                "note",
                f"{where}: {count(row['films'], 'film')}: {classes}{f' ({causes})' if causes else ''}",
            )
        )
        lacking = [name for name in everywhere if name not in row["classes"]]
        if lacking and split != "none":
            found.append(
                Finding(
                    "one_class" if len(row["classes"]) == 1 else "class_missing",
                    "warning",
                    f"{split} has no film of {listed(lacking)}: nothing that compares classes can be measured on it; "
                    "cut it again with all classes",
                )
            )
    if len(everywhere) == 1:
        words = (
            f"all films are labelled {say(everywhere[0])}: there is nothing to tell apart; add films of another class"
        )
        found.append(Finding("one_class", "warning", words))
    return found


def file_findings(films: Sequence[Film], headers: Sequence[Header]) -> list[Finding]:
    """Sizes, depths and encodings as notes, and films whose header says that they are no chest."""
    if not headers:
        return []
    table = count_files(headers)
    (small, large), different = (
        (table["sizes"][name] for name in ("smallest", "largest")),
        table["sizes"]["different"],
    )
    size = f"all {small[0]}×{small[1]}" if different == 1 else (
        f"{count(different, 'size')}, {small[0]}×{small[1]} to {large[0]}×{large[1]}"
    )  # fmt: skip
    kinds = "; ".join(
        ", ".join(f"{say(name)}{suffix} {number:,}" for name, number in table[key].items())
        for key, suffix in (("encodings", ""), ("bits", " bits"), ("photometric", ""), ("makers", ""))
        if table[key]
    )
    found = [Finding("files", "note", f"{size}; {kinds}")]
    both = list(zip(films, headers, strict=True))
    inverted = [film.path for film, header in both if header.photometric == "MONOCHROME1"]
    if inverted and len(inverted) < len(headers):
        words = f"{count(len(inverted), 'film')} of {len(headers)} stored as MONOCHROME1 and turned round here"
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
                "body_part", "warning", f"{words}: {listed(others)}; look, and leave out what is none", tuple(others)
            )
        )
    return found


def picture_findings(films: Sequence[Film], before: Sequence[Facts]) -> list[Finding]:
    """How many films of each class have an even frame around them, and letters burnt in."""
    found = []
    sides = ("border_top", "border_bottom", "border_left", "border_right")
    frames = [max(float(facts[side]) for side in sides) for facts in before]
    letters = [float(facts["letters"]) for facts in before]
    widest = f"an even border (widest: {max(frames, default=0):.0%} of the film)"
    for kind, has, what in (
        ("border", [width >= _FRAME for width in frames], widest),
        ("letters", [number > 0 for number in letters], "letters burnt in that the audit can see"),
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


def _tally(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
