"""Names of splits: of folders, in paths and in the cells of tables."""

from __future__ import annotations

import re
from collections.abc import Iterable

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
# A split's name beside words that only say what is in the folder: `01_train`, `test_images`, `trainset`.
_WITH_OTHER_WORDS = re.compile(
    rf"(?:\d{{1,2}} ?)?(?:(?:images?|imgs?|data|data ?set|films) )?(?P<split>{'|'.join(SPLIT_NAMES)})"
    r"(?: ?(?:sets?|images?|imgs?|data|data ?sets?|splits?|films|pictures|folder|dir|pngs?|jpe?gs?|dicoms?))*"
)


def split_of(name: str) -> str:
    """The split that a folder's or a table's name stands for; empty if it stands for none.

    >>> split_of("Train"), split_of("trainset"), split_of("01_train"), split_of("test_images"), split_of("testis")
    ('train', 'train', 'train', 'test', '')
    """
    words = " ".join(re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())).strip()
    match = _WITH_OTHER_WORDS.fullmatch(words)
    return SPLIT_NAMES[match["split"]] if match else ""


def split_folders(names: Iterable[str]) -> dict[str, str]:
    """The folders that are splits, and which: those called exactly so; only where there are none, others too.

    >>> split_folders(["train", "test", "test_images"]), split_folders(["NORMAL", "test_images"])
    ({'train': 'train', 'test': 'test'}, {'test_images': 'test'})
    """
    names = list(names)
    exact = {name: SPLIT_NAMES[name.lower()] for name in names if name.lower() in SPLIT_NAMES}
    return exact or {name: split for name in names if (split := split_of(name))}
