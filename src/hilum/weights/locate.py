"""From the source that a recipe names to a verified file of weights on this machine."""

from __future__ import annotations

import os
import re
import urllib.parse
from pathlib import Path

from hilum.downloads import download
from hilum.errors import RequestError
from hilum.files import require_regular, sha256_of
from hilum.locks import exclusive
from hilum.places import cache_folder
from hilum.weights.origin import origin
from hilum.weights.packages import PACKAGES, find_package

_ENDINGS = (".safetensors", ".weights.h5", ".h5", ".hdf5", ".pth", ".pt")
_HASH = re.compile(r"-[0-9a-f]{8}$")  # as torchvision names its files: resnet50-0676ba61
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAMED = 10  # files that an error lists


def locate(source: str, sha256: str = "") -> Path:
    """Find a file of weights; a URL is downloaded once and kept below `$HILUM_CACHE`.

    Args:
        source: a file's path, a bundle's or run's folder, an https URL, a name in `PACKAGES`, or the name of a file
            in a folder of `$HILUM_WEIGHTS`, with or without its ending and torchvision's hash.
        sha256: of the file, in hexadecimal; required for a URL.

    Raises:
        RequestError: there is no such file or package, or its bytes are not those that `sha256`, torchvision's name
            or the package's known version promises.
    """
    if "://" in source:
        path, found = _downloaded(source, sha256), sha256
    else:
        path = find_package(source) if source in PACKAGES else _on_this_machine(source)
        found = sha256_of(path) if sha256 or origin(path.name).sha256_start else ""
        if sha256 and found != sha256:
            raise RequestError(
                f"{path}: its SHA-256 is {found}, not {sha256}; name the right file, or correct weights.sha256"
            )
    promised = origin(path.name).sha256_start
    if not found.startswith(promised):
        raise RequestError(
            f"{path}: its SHA-256 starts with {found[:8]}, not {promised} as its name says; it is damaged or another "
            "file: download it again, or give a file of your own another name"
        )
    return path


def _downloaded(url: str, sha256: str) -> Path:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise RequestError(f"{url}: not a URL ({error}); give an https URL, or a path") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise RequestError(f"{url}: weights are downloaded by https only; give an https URL, or a path")
    if not sha256:
        raise RequestError(
            f"{url}: a download needs the SHA-256 of the file in weights.sha256; set it, or download the file "
            "yourself and give its path"
        )
    name = Path(urllib.parse.unquote(parts.path)).name
    folder = cache_folder() / "weights" / sha256[:16]
    path = folder / (name or "weights")
    try:
        with exclusive(folder):
            if not path.exists() or sha256_of(path) != sha256:
                download(url, path, sha256)
    except OSError as error:
        raise RequestError(
            f"{url}: the download failed: {error}; solve that, or get the file in another way and give its path"
        ) from None
    return path


def _on_this_machine(source: str) -> Path:
    path = Path(source).expanduser()
    if source and path.is_file():
        return path
    if source and path.is_dir():
        for inner in (path / "weights.safetensors", path / "bundle" / "weights.safetensors"):
            if inner.is_file():
                return inner
        raise RequestError(
            f"{source}: a folder with neither weights.safetensors nor bundle/weights.safetensors; name a bundle, a "
            "run, or a file of weights"
        )
    if source and path.exists():
        require_regular(path)
    folders = [Path(each).expanduser() for each in os.environ.get("HILUM_WEIGHTS", "").split(os.pathsep) if each]
    there = [file for folder in folders for file in _files_of(folder)]
    named = [file for file in there if file.name == source] or [file for file in there if source in _short(file)]
    if len({file.name for file in named}) > 1:
        raise RequestError(f"'{source}' may be any of {', '.join(map(str, named))}; name one of them with its ending")
    if named:
        return named[0]
    missing = f"'{source}': no such file or folder in {Path.cwd()}"
    if not folders:
        raise RequestError(
            f"{missing}, and HILUM_WEIGHTS is not set; set it to a folder of weights, or give a path or a URL"
        )
    names = ", ".join(file.name for file in there[:_NAMED]) + (", …" if len(there) > _NAMED else "")
    raise RequestError(
        f"{missing}, nor in HILUM_WEIGHTS ({', '.join(map(str, folders))}), where there is: "
        f"{names or 'no file of weights'}; give one of these names, a path or a URL"
    )


def _files_of(folder: Path) -> list[Path]:
    """The files of weights in a folder, by name; none where there is no such folder."""
    try:
        return sorted(file for file in folder.iterdir() if file.name.endswith(_ENDINGS) and file.is_file())
    except OSError:
        return []


def _short(file: Path) -> tuple[str, str]:
    """A file's name without its ending, and without torchvision's hash too."""
    stem = next(file.name.removesuffix(ending) for ending in _ENDINGS if file.name.endswith(ending))
    return stem, _HASH.sub("", stem)
