"""Rows of one length on disk, each computed from one film once: checked when they are read, right after any crash.

A store is a folder. `rows.bin` holds the rows (a preprocessed film, a film's features), `index.txt` one line a row:
line i is the SHA-256 of the film in row i. `checks.bin` holds one checksum a row, over what the folder is called, the
film's SHA-256 and the row's bytes. Rows are on the disk before their checksums, and those before their lines, so a
line always has its row. Whatever lies past the last whole pair of row and line (a chunk whose lines were not written,
half a line) does not exist for a reader, and is cut off by the next process that fills the store.

A row is read only if its checksum is right. One that was changed, zeroed or exchanged with another, or whose line
was, is computed again in its place, and so is one that Hilum before 0.3.0 has written without a checksum.
"""

from hilum.rows.check import CHECKS_NAME, INDEX_NAME, ROWS_NAME, read_index
from hilum.rows.described import described_folder, key_of
from hilum.rows.store import OpenRows, RowStore, fill_together

__all__ = [
    "CHECKS_NAME",
    "INDEX_NAME",
    "ROWS_NAME",
    "OpenRows",
    "RowStore",
    "described_folder",
    "fill_together",
    "key_of",
    "read_index",
]
