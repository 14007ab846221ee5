"""Names that systems, servers, tools and downloads give to files and folders of their own."""

from __future__ import annotations

import os

_FOLDERS = {
    # Network storage: thumbnails, recycle bins and snapshots (Synology, QNAP, NetApp, TrueNAS, Buffalo)
    "@eadir", "#recycle", "@recycle", "#snapshot", "@tmp", "@sharebin", "@recently-snapshot", "~snapshot", "#syncing",
    "trashbox", "network trash folder", "temporary items",
    # Windows
    "$recycle.bin", "recycler", "recycled", "system volume information", "msocache", "$windows.~bt", "$extend",
    # Linux, macOS, archives made on macOS
    "lost+found", "__macosx", "resource.frk",
    # Tools
    "__pycache__",
}  # fmt: skip
_FILES = {
    "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini",
    "zbthumbnail.info", "synoindex_media_info", "pspbrwse.jbf", "folder.jpg.lnk", "ntuser.dat",
}  # fmt: skip
_FILE_STARTS = ("synophoto_thumb_", "synofile_thumb_", "synovideo_", "~$")
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".filepart", ".aria2", ".!ut", ".opdownload")


def system_folder(name: str) -> str:
    """What a folder of the system is called in a note; empty if it is none.

    >>> system_folder("@eaDir"), system_folder(".ipynb_checkpoints"), system_folder("found.000"), system_folder("A")
    ('@eaDir', '.ipynb_checkpoints', 'found.000', '')
    """
    low = name.lower()
    chkdsk = low.startswith("found.") and low[6:].isdigit()
    known = low in _FOLDERS or chkdsk or low.endswith((".app", ".framework"))  # the last two: programs of macOS
    return name if known or low.startswith(".") else ""


def system_file(name: str) -> str:
    """What a file of the system, or an unfinished download, is called in a note; empty if it is none.

    >>> system_file("Thumbs.db"), system_file("._IM-0001.jpeg"), system_file("film.png.part"), system_file("film.png")
    ('Thumbs.db', 'hidden', 'unfinished downloads', '')
    """
    low = name.lower()
    if low in _FILES or low.startswith(_FILE_STARTS):
        return name if low in _FILES else f"{os.path.splitext(name)[0].rpartition('_')[0] or name[:2]}…"
    if low.startswith("."):
        return name if low == ".ds_store" else "hidden"
    return "unfinished downloads" if low.endswith(_UNFINISHED) else ""
