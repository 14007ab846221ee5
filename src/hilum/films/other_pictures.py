"""Pictures beside the films that are none: masks, overlays, thumbnails, the pictures of a viewer.

A picture is left out only beside films: where nothing else would remain, all of them are kept.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from hilum import pixels
from hilum.errors import FilmError
from hilum.films.left_out import SkippedFiles

# A folder's name: any name that ends in masks, or one of these by itself, or after lung, chest, infection.
_MASK_FOLDER = re.compile(
    r"(?!.*\b(?:images?|films?|and|with)\b)(?:.* )?masks?(?: \w+)?|"
    r"(?:(?:lungs?|chest|infection|manual|left|right|image) )?"
    r"(?:segmentations?|segs?|annotations?|annotated|overlays?|heat ?maps?|saliency|grad ?cams?|contours?|outlines?"
    r"|ground ?truths?|gts?|bounding ?boxes|bboxes)"
)
_THUMBNAIL_FOLDER = re.compile(r"(?:.* )?(?:thumbs?|thumbnails?|previews?|icons?)")
_SMALLER_FOLDER = re.compile(r"small(?:er)?|tiny|mini|low ?res(?:olution)?|medium|resized(?: \d+)?")
_MASK_WORDS = (
    r"(?:(?:lungs?|left|right|infection|manual) ?)?(?:masks?|segmentations?|segs?|annotations?|annotated|annot|"
    r"overlays?|heat ?maps?|grad ?cams?|contours?|outlines?|labels?|label ?map|marked|rois?|bbox(?:es)?|boxes|gt)"
)
_MASK_NAME = re.compile(rf"{_MASK_WORDS} (?P<before>.+)|(?P<after>.+?) {_MASK_WORDS}(?: \d)?")
_BARE = re.compile(rf"{_MASK_WORDS}(?: \d+)?")
_THUMBNAIL_WORDS = r"(?:thumbs?|thumbnails?|tn|previews?|small|icon|\d{2,4} ?x ?\d{2,4})"
_THUMBNAIL_NAME = re.compile(rf"{_THUMBNAIL_WORDS} (?P<before>.+)|(?P<after>.+?) {_THUMBNAIL_WORDS}")
_VIEWER = re.compile(r"dicomdir|autorun\.inf|.*\.(?:exe|app|msi|dmg)", re.IGNORECASE)
_PICTURES = re.compile(r".*\.(?:jpe?g|jpe|jfif|pjpe?g|png|gif|bmp|tiff?|webp|jp2)", re.IGNORECASE)

_FOLDERS = 32  # that are looked at to say whether any holds masks
_SAMPLES = 5  # pictures of a folder that are looked at, to say whether it holds masks
_EXTREME = 16  # grey levels from black or white that a mask saved as JPEG may be off
_TWO_VALUED = 0.97


def leave_out_others(paths: Sequence[str], root: str, skipped: SkippedFiles) -> list[str]:
    """The films among pictures; `skipped` gets the others, each with the reason.

    Args:
        paths: pictures and DICOM files below `root`.
        root: the folder that was named; how it is called says nothing.
        skipped: gets what is left out; it knows the files of other kinds.
    """
    kept = list(paths)
    for reason, choose in (
        ("pictures of a viewer, beside DICOM", _of_a_viewer),
        ("masks or overlays, by their folder", lambda paths, root, _: _in_folders(paths, root, _MASK_FOLDER)),
        ("thumbnails, by their folder", lambda paths, root, _: _in_folders(paths, root, _THUMBNAIL_FOLDER)),
        ("masks or overlays, by their names", lambda paths, root, _: _by_name(paths, _MASK_NAME)),
        ("thumbnails, by their names", lambda paths, root, _: _by_name(paths, _THUMBNAIL_NAME)),
        ("smaller copies, by their folder and names", lambda paths, root, _: _smaller_copies(paths, root)),
        ("masks: two grey levels, and the name of a film", lambda paths, root, _: _two_valued(paths)),
    ):
        chosen: set[str] = choose(kept, root, skipped)
        if chosen and len(chosen) < len(kept):
            for path in kept:
                if path in chosen:
                    skipped.add(path, reason, _example(path, root))
            kept = [path for path in kept if path not in chosen]
    return kept


def is_mask_folder(name: str) -> bool:
    """Whether a folder is called as folders of masks are.

    >>> [is_mask_folder(name) for name in ("masks", "Lung_Masks", "leftMask", "infection masks", "ground-truth")]
    [True, True, True, True, True]
    >>> [is_mask_folder(name) for name in ("images", "Normal", "Infection Segmentation Data", "Masked", "damask")]
    [False, False, False, False, False]
    """
    return bool(_MASK_FOLDER.fullmatch(_words(name)))


def _words(name: str) -> str:
    """A name as lower-case words: separators and changes of case part them."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\W_]+", parted.lower())).strip()


def _example(path: str, root: str) -> str:
    below = os.path.dirname(os.path.relpath(path, root))
    return f"{below}{os.sep}…" if below and below != "." else os.path.basename(path)


def _in_folders(paths: Iterable[str], root: str, names: re.Pattern[str]) -> set[str]:
    chosen = set()
    known: dict[str, bool] = {}
    paths = list(paths)
    top = os.path.commonpath([root, *paths[:1]]) if len(paths) < 2 else os.path.commonpath(paths)
    for path in paths:
        folder = os.path.dirname(os.path.relpath(path, top))
        if folder not in known:
            known[folder] = any(names.fullmatch(_words(part)) for part in folder.split(os.sep) if part)
        if known[folder]:
            chosen.add(path)
    return chosen


def _by_name(paths: Sequence[str], names: re.Pattern[str]) -> set[str]:
    """Pictures whose name is that of another one with a word such as mask before or after it."""
    stems = {_words(_stem(path)) for path in paths}
    folders: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folders[os.path.dirname(path)].append(path)
    chosen = set()
    for inside in folders.values():
        bare = [path for path in inside if _BARE.fullmatch(_words(_stem(path)))] if names is _MASK_NAME else []
        chosen |= set(bare) if len(bare) < len(inside) else set()  # a patient's folder: image.png, mask.png
        for path in inside:
            match = names.fullmatch(_words(_stem(path)))
            if match and (match["before"] or match["after"]) in stems:
                chosen.add(path)
    return chosen


def _smaller_copies(paths: Sequence[str], root: str) -> set[str]:
    """Pictures in a folder that is called after a smaller size, each with the name of one that is in none."""
    small = _in_folders(paths, root, _SMALLER_FOLDER)
    whole = {_stem(path) for path in paths if path not in small}
    return {path for path in small if _stem(path) in whole}


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _of_a_viewer(paths: Sequence[str], root: str, skipped: SkippedFiles) -> set[str]:
    """Pictures below a folder with a DICOMDIR or a viewer's program, if DICOM films lie below it too."""
    others = (*skipped.other, *(path for files in skipped.reasons.values() for path in files))
    homes = {os.path.dirname(path) for path in others if _VIEWER.fullmatch(os.path.basename(path))}
    chosen = set()
    for home in homes:
        start = os.path.join(home, "")
        below = [path for path in paths if path.startswith(start)]
        pictures = {path for path in below if _PICTURES.fullmatch(os.path.basename(path))}
        if len(pictures) < len(below):
            chosen |= pictures
    return chosen


def _two_valued(paths: Sequence[str]) -> set[str]:
    """Pictures of two grey levels with the name of a film, one folder and ending at a time."""
    groups: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for path in paths:
        if _PICTURES.fullmatch(os.path.basename(path)):
            groups[os.path.dirname(path), os.path.splitext(path)[1].lower()][_stem(path)] = path
    holders: dict[str, int] = defaultdict(int)
    by_stem: dict[str, list[str]] = defaultdict(list)  # a patient's folder: film.png, lungs.png
    for stems in groups.values():
        for stem, path in stems.items():
            holders[stem] += 1
            by_stem[stem].append(path)
    candidates = [
        (stems, shared)
        for stems in groups.values()
        if 2 * len(shared := [path for stem, path in stems.items() if holders[stem] > 1]) >= len(stems)
    ]
    candidates += [({path: path for path in same}, same) for same in by_stem.values() if len(same) > 2]
    # Exports have a folder a patient, and the same few names in each: all are looked at only if a few show masks.
    step = max(1, len(candidates) // _FOLDERS)
    if not any(_are_two_valued(shared) for _, shared in candidates[::step]):
        return set()
    return {path for stems, shared in candidates if _are_two_valued(shared) for path in stems.values()}


def _are_two_valued(paths: Sequence[str]) -> bool:
    """Whether every one of a few pictures has two grey levels; one that cannot be read does not count."""
    step = max(1, len(paths) // _SAMPLES)
    found = [answer for path in paths[::step][:_SAMPLES] if (answer := is_two_valued(path)) is not None]
    return bool(found) and all(found)


def is_two_valued(path: str) -> bool | None:
    """Whether a picture has two grey levels, as a mask has; None if it cannot be read or is the same everywhere."""
    import numpy as np

    try:
        grey = np.round(pixels.decode(path) * 255).astype(np.uint8)
    except FilmError:
        return None
    counts = np.bincount(grey.reshape(-1), minlength=256)
    levels = np.flatnonzero(counts)
    ends = counts[: levels[0] + _EXTREME].sum() + counts[max(levels[-1] - _EXTREME, 0) + 1 :].sum()
    return bool(len(levels) <= 2 or (np.ptp(levels) > 4 * _EXTREME and ends >= _TWO_VALUED * grey.size))
