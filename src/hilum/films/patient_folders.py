"""Folders that are patients: `CLASS/PATIENT/*`, `CLASS/PATIENT/STUDY/SERIES/*`, and what only looks like it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# Folders that sort films by something else than the patient.
_GROUP = re.compile(
    r"(?:images?|imgs?|pictures?|films?|data|data ?sets?|dicoms?|dcm|pngs?|jpe?gs?|tiffs?|raw|originals?|processed|"
    r"cxr|x ?rays?|chests?|frontal|lateral|pa|ap|ll|train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|normals?|healthy|"
    r"pneumonias?|bacteria|bacterial|virus|viral|fungal|covid|male|female|m|f|adults?|child(?:ren)?|p(?:a)?ediatrics?|"
    r"batch|part|parts|set|subset|fold|folder|site|hospital|clinic|cent(?:re|er)|scanner|device|group|source|cohort|"
    r"year|month|week|size|resized|augmented|version|v|new|old|misc|other|others|good|bad|all)"
    r"(?: ?(?:[a-f]|\d{1,4}))?|(?:19|20)\d\d(?: \d\d?){0,2}|\d{2,4} ?x ?\d{2,4}(?: (?:png|jpe?g|px))?"
    r"|(?:64|128|224|256|299|320|384|448|512|640|768|1024|2048)(?: ?(?:png|jpe?g|px))?"  # sizes of pictures
)
_MOST_FILMS = 20  # of a patient, in the middle: folders that hold more are something else


def patient_folders(below: Sequence[str]) -> tuple[str, ...]:
    """The patient that the folders give each film, or nothing at all.

    The patients are the first folders below the class that are several, are not called as folders that sort films by
    anything else (`images`, `bacteria`, `site2`, `2019`), and hold few films each. Without a digit in their names
    there have to be three.

    Args:
        below: the films' paths below their class folders, with `/`.

    Returns:
        One patient a film, empty for a film that lies in none of these folders; `()` if no folders are patients.

    >>> patient_folders(["P1/a.png", "P1/b.png", "images/P2/c.png"])
    ()
    >>> patient_folders(["images/P1/a.png", "images/P1/b.png", "images/P2/c.png"])
    ('P1', 'P1', 'P2')
    """
    folders = [path.split("/")[:-1] for path in below]
    for depth in range(max(map(len, folders), default=0)):
        names = [parts[depth] if len(parts) > depth else "" for parts in folders]
        films = Counter(name for name in names if name)
        grouping = sum(bool(_GROUP.fullmatch(" ".join(re.split(r"[\W_]+", name.lower())).strip())) for name in films)
        if len(films) < 2 or 2 * grouping >= len(films):
            continue
        numbered = sum(any(letter.isdigit() for letter in name) for name in films)
        enough = 2 if 2 * numbered >= len(films) else 3
        middle = sorted(films.values())[len(films) // 2]
        return tuple(names) if len(films) >= enough and middle <= _MOST_FILMS else ()
    return ()
