"""Files from the network, each by the hash that was published: they appear whole and checked or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hilum.progress import track

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 10.0


def download(url: str, path: Path, digest: str, algorithm: str = "sha256") -> None:
    """Download a file, which appears whole and checked or not at all; a partial download is resumed.

    Args:
        url: of the file.
        path: to write; its folder is made.
        digest: of the published file, in hexadecimal.
        algorithm: of the digest, by its name in hashlib.

    Raises:
        OSError: the download failed, or the file is not the one that was published.
    """
    import http.client

    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _resume(part, url, f"downloading {path.name}")
    except http.client.HTTPException as error:
        raise OSError(f"the server sent no valid answer ({error!r})") from None
    with part.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    if found != digest:
        part.unlink()
        raise OSError(f"its {algorithm.upper()} is {found}, not the published {digest}; the download was deleted")
    part.replace(path)


def _resume(part: Path, url: str, what: str) -> None:
    """Append what a partial download lacks, or write it anew where the server only sends whole files."""
    import urllib.error
    import urllib.request

    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part was already whole
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        promised = int(answer.headers.get("Content-Length") or 0)
        end = file.tell() + promised
        for block in track(iter(lambda: answer.read(_BLOCK), b""), what, promised // _BLOCK + 1):
            file.write(block)
        if file.tell() < end:
            raise OSError(
                f"the connection broke {end - file.tell():,} bytes before the end; try again to resume the download"
            )
