"""What a report of a problem should say about the machine: ten lines, without a name of anybody's."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hilum import __version__, bundle
from hilum.errors import HilumError
from hilum.extras import EXTRAS, missing_packages
from hilum.inference import Detector
from hilum.inference.engines import EngineName, installed_engines
from hilum.machine import free_memory, processor_fields, processor_name, processors
from hilum.places import cache_folder, is_writable

_LIBRARIES = (
    "numpy", "onnxruntime", "openvino", "opencv-python-headless", "pillow", "pydicom", "pylibjpeg-openjpeg",
    "pyjpegls", "python-gdcm", "torch", "ray",
)  # fmt: skip
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # as /proc/cpuinfo names them, of x86 and of Arm
_SETTINGS = ("HILUM_", "ORT_", "OMP_", "RAY_")  # environment variables whose names are worth telling


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found.

    Attributes:
        lines: `name: value`, to paste into a report; the home folder is written as `~`.
        problems: what does not work here, each with how to fix it; empty where all is well.
    """

    lines: tuple[str, ...]
    problems: tuple[str, ...]


def doctor() -> Checkup:
    """Look at the installation and the machine, and predict generated films by every engine; nothing is written."""
    problems: list[str] = []
    found = {
        "hilum": f"{__version__}, Python {platform.python_version()}, {platform.platform()}",
        "libraries": ", ".join(f"{name} {number}" for name, number in _versions()),
        "extras": ", ".join(f"{name} {'missing' if missing_packages(name) else 'installed'}" for name in EXTRAS),
        "processors": _processors(),
        "memory": f"{free_memory() / 2**30:.1f} GiB free",
        "cache": _cache(problems),
        "temporary files": _place(Path(tempfile.gettempdir()), "TMPDIR", problems),
        "terminal": f"{sys.stdout.encoding}, file names in {sys.getfilesystemencoding()}",
        "set here": ", ".join(sorted(name for name in os.environ if name.startswith(_SETTINGS))) or "nothing",
        "shipped bundle": "; ".join(_golden(name, problems) for name in installed_engines()),
    }
    return Checkup(tuple(f"{name}: {value}" for name, value in found.items()), tuple(problems))


def _versions() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _processors() -> str:
    flags = processor_fields()
    known = {*flags.get("flags", "").split(), *flags.get("Features", "").split()}
    bfloat16 = ", bfloat16" if known & _BFLOAT16 else ""
    return f"{processors()} of {os.cpu_count()} may be used, {processor_name() or platform.machine()}{bfloat16}"


def _cache(problems: list[str]) -> str:
    try:
        return _place(cache_folder(), "HILUM_CACHE", problems)
    except HilumError as error:
        problems.append(str(error))
        return "none"


def _place(folder: Path, variable: str, problems: list[str]) -> str:
    shown = _without_home(folder)
    if not is_writable(folder):
        problems.append(f"{shown}: cannot be written; name another folder: {variable}=FOLDER")
        return f"{shown}, cannot be written"
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    return f"{shown}, {shutil.disk_usage(nearest).free / 2**30:.1f} GiB free"


def _without_home(folder: Path) -> str:
    """A path without the user's name."""
    home = os.path.expanduser("~")
    text = str(folder)
    return f"~{text[len(home) :]}" if home not in ("~", "/") and folder.is_relative_to(home) else text


def _golden(engine: EngineName, problems: list[str]) -> str:
    """Whether the shipped bundle is whole and predicts here what it predicted where it was made."""
    try:
        detector = Detector("shipped", engine=engine)
        opened = bundle.read("shipped")
        golden = bundle.parse_golden(opened.golden, "golden.json")
        pixels = opened.spec.recipe.pixels
        worst = bundle.check_golden(golden, opened.folder, pixels, detector.probs, detector.lungs)
    except HilumError as error:
        problems.append(f"{engine}: {error}")
        return f"{engine} fails"
    return f"{engine} meets its golden predictions within {max(worst, 1e-6):.0e} (seal {opened.spec.seal[:8]})"
