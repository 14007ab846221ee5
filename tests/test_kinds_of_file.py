"""Whatever a user names is asked for its kind first: a pipe would block for ever, a device never ends."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hilum import films
from hilum.auditing.header import read_header
from hilum.bundle import read
from hilum.errors import HilumError
from hilum.evaluation import read_metrics
from hilum.films.index import find
from hilum.history import read_history
from hilum.inference.film_list import FilmList
from hilum.pixels import decode, hash_film
from hilum.recipe import read_recipe
from hilum.records import read_manifest, read_predictions
from hilum.training import checkpoint
from hilum.weights.locate import locate
from hilum.weights.read import read as read_weights
from hilum.workflows.probability_table import read_probability_table
from tests.cli.conftest import Hilum, hilum, refusal, tiny_bundle

__all__ = ["hilum", "tiny_bundle"]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")

READERS: dict[str, Callable[[Path], object]] = {
    "film.png": lambda path: decode(str(path)),
    "film.dcm": lambda path: hash_film(str(path)),
    "archive.npz": lambda path: films.index(path, cut=False),
    "member.npz": lambda path: decode(f"{path}#train/0"),
    "table.csv": lambda path: films.index(path, cut=False),
    "table.tsv": lambda path: films.index(path, cut=False),
    "manifest.csv": read_manifest,
    "predictions.csv": lambda path: read_predictions(path, ("NORMAL", "PNEUMONIA"), 0.5),
    "probabilities.csv": read_probability_table,
    "list.csv": lambda path: list(FilmList(path)),
    "list.parquet": lambda path: list(FilmList(path)),
    "recipe.toml": read_recipe,
    "metrics.json": read_metrics,
    "history.csv": read_history,
    "bundle.json": lambda path: read(path.parent),
    "checkpoint.safetensors": checkpoint.load,
    "weights.safetensors": read_weights,
    "weights.pth": lambda path: locate(str(path), ""),
    "header.jpg": lambda path: read_header(str(path)),
}
KINDS = {"a pipe": "fifo", "a device": "/dev/zero", "a socket": "socket"}


@contextmanager
def at_once() -> Iterator[None]:
    """An open pipe waits for ever, so that an alarm ends it."""

    def ring(*_: object) -> None:
        raise AssertionError("it waits for what never comes")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def make(kind: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        monkeypatch.chdir(path.parent)  # the name of a socket has at most 107 bytes
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    make(kind, tmp_path / name, monkeypatch)
    with at_once(), pytest.raises(HilumError, match=f"{kind}, not a file; write what it gives into a file"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("name", READERS)
def test_a_folder_in_a_files_place_is_refused_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises((HilumError, IsADirectoryError)) as refused:
        READERS[name](tmp_path / name)
    assert "\n" not in str(refused.value)


def test_a_pipe_among_named_films_fails_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.png")
    (found,) = find(tmp_path / "film.png")
    with at_once(), pytest.raises(HilumError, match="a pipe, not a file"):
        decode(found.path)


@pytest.mark.parametrize(
    "command",
    [
        "predict BUNDLE film.png",
        "predict pipe film.png",
        "evaluate BUNDLE --data pipe.csv --out out",
        "explain BUNDLE film.png --out out",
        "index pipe.csv --out out.csv",
        "train pipe.toml --data DATA --out out",
        "audit pipe.csv --out out",
        "adapt BUNDLE --data pipe.csv --out out",
        "calibrate BUNDLE --data pipe.csv --out out",
    ],
)
def test_each_verb_answers_in_one_line(tmp_path: Path, hilum: Hilum, tiny_bundle: Path, command: str) -> None:
    for name in ("film.png", "pipe.csv", "pipe.toml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "bundle.json")
    words = command.replace("BUNDLE", str(tiny_bundle)).replace("DATA", str(tmp_path)).split()
    with at_once():
        done = hilum(*words)
    assert done.returncode in (1, 2)
    assert "a pipe, not a file" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if command.split()[0] not in ("predict", "explain") or "pipe" in command:
        assert "a pipe, not a file" in refusal(done, 2)
