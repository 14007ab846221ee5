"""Where the command runs: code pages, users without a name or a home folder, places that cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hilum.cli.encoding import write_anything
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm

NAMES = ["grün.png", "胸部.png", "✓ sûr.png", b"K\xf6ln.png".decode("utf-8", "surrogateescape")]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "iso8859-1", "utf-8"])
def test_a_stream_writes_every_name_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    """The outside reference is Python's own `surrogateescape` and `backslashreplace`."""
    text = "".join(f"{name}\n" for name in NAMES)
    code = f"from hilum.cli.encoding import write_anything as to; to(); import sys; sys.stdout.write({text!r})"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    expected = b""
    for letter in text:
        handler = "surrogateescape" if "\udc80" <= letter <= "\udcff" else "backslashreplace"
        expected += letter.encode(encoding, handler)
    assert done.stdout == expected
    assert not done.stderr


def test_streams_that_cannot_be_changed_stay(capsys: pytest.CaptureFixture[str]) -> None:
    write_anything()
    print("as it was")
    assert capsys.readouterr().out == "as it was\n"


@pytest.mark.parametrize("encoding", ["cp437", "cp1252"])
def test_a_film_is_named_on_a_terminal_that_lacks_its_letters(
    hilum_process: Hilum, write_film: WriteFilm, tmp_path: Path, encoding: str
) -> None:
    write_film(tmp_path / "film.png", seed=1, size=(128, 128)).rename(tmp_path / "✓.png")
    done = hilum_process("predict", "shipped", "✓.png", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "\\u2713.png," in done.stdout


def as_nobody(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run as a user who has neither a name (in /etc/passwd) nor, unless given, a home folder."""
    user = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    tried = subprocess.run([*user, "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    if tried is None or tried.returncode:
        pytest.skip("users cannot be made here: unshare")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "NUMBA_CACHE_DIR") if name in os.environ}
    return subprocess.run(
        [*user, *command], cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


def test_a_user_without_name_and_home_predicts(write_film: WriteFilm, tmp_path: Path) -> None:
    write_film(tmp_path / "film.png", seed=1, size=(128, 128))
    done = as_nobody([sys.executable, "-m", "hilum", "predict", "shipped", "film.png", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"path": "film.png"' in done.stdout


def test_a_user_without_name_and_home_imports_what_training_needs(tmp_path: Path) -> None:
    """PyTorch asks for the user's name as `torch._dynamo` is imported, numba for a folder to keep kernels in."""
    code = "import hilum; hilum.train; import torch._dynamo, hilum.models.cpu.kernels"
    done = as_nobody([sys.executable, "-c", code], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("home", ["", "/dev/null"])
def test_without_a_place_for_the_cache_one_line_says_how_to_name_one(
    write_film: WriteFilm, tmp_path: Path, home: str
) -> None:
    write_film(tmp_path / "films" / "film.png", seed=1, size=(128, 128))
    command = [sys.executable, "-m", "hilum", "predict", "shipped", "films", "--engine", "auto"]
    done = as_nobody(command, tmp_path, **({"HOME": home} if home else {}))
    if done.returncode:
        assert "HILUM_CACHE=FOLDER" in refusal(done, 2)
    else:  # measured anew by each process
        assert "films/film.png" in done.stdout
