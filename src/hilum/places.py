"""Where Hilum keeps what can be computed again, and what the libraries below it may neither send, keep nor take.

docs/privacy.md lists every place; `tests/test_privacy.py` watches every verb for others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hilum.errors import RequestError
from hilum.machine import is_limited, processors


def cache_folder() -> Path:
    """Return where what can be computed again is kept: `$HILUM_CACHE`, else the platform's cache folder.

    Raises:
        RequestError: neither is known, as in a container whose user has no home folder.
    """
    try:
        if chosen := os.environ.get("HILUM_CACHE"):
            return Path(chosen).expanduser()
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "hilum"
        variable, fallback = (
            ("LOCALAPPDATA", "AppData/Local") if sys.platform == "win32" else ("XDG_CACHE_HOME", ".cache")
        )
        return Path(os.environ.get(variable) or Path.home() / fallback) / "hilum"
    except RuntimeError:  # pathlib's, for a user without a home folder
        raise RequestError(
            "this user has no home folder to keep a cache in; name a folder that can be written: HILUM_CACHE=FOLDER"
        ) from None


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or made where it is missing."""
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def confine_libraries() -> None:
    """Set what other libraries read as they are imported, in worker processes too; what a user has set stays.

    PyTorch makes a folder with the user's name among the temporary files, and fails where the user has no name.
    Thread pools count the machine's processors, and where a container may use two of 64, 64 threads wait for one
    another. Telemetry is off already: `import hilum` sees to ONNX Runtime's and Ray's, and OpenVINO's tools have a
    package of their own for it, which `inference.openvino` keeps from being imported.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_folder_for("torchinductor")))
    if is_limited():
        os.environ.setdefault("OMP_NUM_THREADS", str(processors()))


def confine_command() -> None:
    """Set the same for the command, and for libraries that a notebook uses for itself too.

    matplotlib keeps a list of the machine's fonts.
    """
    confine_libraries()
    os.environ.setdefault("MPLCONFIGDIR", str(_folder_for("matplotlib")))


def _folder_for(library: str) -> Path:
    """In the cache; where that cannot be written, among the temporary files."""
    try:
        folder = cache_folder()
        if is_writable(folder):
            return folder / library
    except RequestError:
        pass
    import tempfile

    return Path(tempfile.gettempdir()) / f"hilum-{os.getuid() if hasattr(os, 'getuid') else 'cache'}" / library
