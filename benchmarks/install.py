"""What `pip install hilum` puts on a disk, and how long `import hilum` takes.

    python -m benchmarks.install

A wheel is built from this checkout and installed into an environment of its own, with the versions of
`constraints.txt`. pip and setuptools are not counted: they come with the environment. Both figures have a target.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row, Target, verdicts

ROOT = Path(__file__).parents[1]
IMPORTS = 15
CORE_MEGABYTES, IMPORT_MILLISECONDS = 480, 50
# What a fresh environment holds before anything is installed into it.
_TOOLS = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils"}
_IMPORT = "import time; started = time.perf_counter(); import hilum; print(time.perf_counter() - started)"


def main() -> None:
    """Print both figures, each beside its target."""
    for each in verdicts(measure()):
        spread = "" if len(each.row.values) == 1 else f" ({each.low:.1f} to {each.high:.1f})"
        target = f"at most {each.target.bound:g} {each.row.unit}: {each.in_words()}"
        print(f"{each.row.work:<20}{each.value:>7.1f}{spread} {each.row.unit}, {target}")


def measure() -> list[Row]:
    """Rows of the core install's size and of an import's time, the latter one value a process."""
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder) / "environment")
        install(python, build_wheel(Path(folder)))
        size, times = megabytes(site_packages(python)), import_milliseconds(python, Path(folder))
    return [
        Row("pip install hilum", "Hilum", (size,), "MB", targets=(Target(CORE_MEGABYTES, at_most=True),)),
        Row("import hilum", "Hilum", times, "ms", targets=(Target(IMPORT_MILLISECONDS, at_most=True),)),
    ]


def build_wheel(folder: Path) -> Path:
    """Build this checkout's wheel into a folder; gives its path.

    It is built from a copy: setuptools packs whatever an earlier build left in `build/`, removed files included.
    """
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("hilum-*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with nothing but pip in it; gives its interpreter."""
    _run(sys.executable, "-m", "venv", folder)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(python: Path, wheel: Path, extras: Sequence[str] = (), *, dependencies: bool = True) -> None:
    """Install a wheel, with its dependencies in the versions of `constraints.txt` or without any."""
    asked = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    options = ("--constraint", ROOT / "constraints.txt") if dependencies else ("--no-deps",)
    _run(python, "-m", "pip", "install", "--quiet", *options, asked)


def site_packages(python: Path) -> Path:
    """Where an environment keeps what was installed into it."""
    return Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def megabytes(folder: Path) -> float:
    """What a site-packages folder takes on the disk, as `du` counts it (2²⁰ bytes), without pip and setuptools."""
    parts = [each for each in folder.iterdir() if each.name.partition("-")[0] not in _TOOLS]
    files = [file for part in parts for file in (part, *part.rglob("*")) if not file.is_symlink()]
    return sum(file.stat().st_blocks for file in files) * 512 / 2**20


def import_milliseconds(python: Path, away: Path) -> tuple[float, ...]:
    """What `import hilum` takes, one value a process; a first process that fills the disk's cache is not counted."""
    times = [1000 * float(_run(python, "-I", "-c", _IMPORT, folder=away)) for _ in range(IMPORTS + 1)]
    return tuple(times[1:])


def _run(*command: str | Path, folder: Path | None = None) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
