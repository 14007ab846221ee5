"""Finding the images of a table: next to it, or somewhere in the folders below it."""

from __future__ import annotations

import os
from functools import cached_property

from hilum.errors import LayoutError
from hilum.films.discovery import SkippedFiles, walk
from hilum.films.wording import say


class ImageLocator:
    """Finds the files that a table names.

    Tables often hold bare file names while the images are in folders (NIH's `images_001/images/…`), so the folders
    below the table are read once, when the first file is not next to it.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._folder = os.path.dirname(table)

    def find(self, written: str) -> str | None:
        """The path of a film, usable from the current folder; None if there is no such file.

        Raises:
            LayoutError: there are several files of that name below the table.
        """
        stripped = written.strip()
        for name in dict.fromkeys((written, stripped, stripped.replace("\\", "/"))):  # the last: a table from Windows
            path = os.path.normpath(os.path.join(self._folder, name))
            if self.exists(path):
                return path
            name = os.path.normpath(name)
            if os.path.isabs(name):
                continue
            candidates = self._below.get(os.path.basename(name), [])
            matches = [path for path in candidates if f"/{path}".endswith(f"/{name}")]
            if len(matches) > 1:
                raise LayoutError(
                    f"{say(self._table)}: {say(written)} is below it more than once ({say(matches[0])}, "
                    f"{say(matches[1])}); write its path relative to the table's folder"
                )
            if matches:
                return matches[0]
        return None

    @staticmethod
    def exists(path: str) -> bool:
        """Whether a film exists: a file, or the archive of a member `archive.npz#train/17`."""
        if os.path.isfile(path):
            return True
        archive, mark, _ = path.partition(".npz#")
        return bool(mark) and os.path.isfile(f"{archive}.npz")

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        files: dict[str, list[str]] = {}
        for path in walk(self._folder or ".", SkippedFiles()):
            path = os.path.normpath(path)
            files.setdefault(os.path.basename(path), []).append(path)
        return files
