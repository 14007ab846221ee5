"""Nothing leaves the machine, and nothing is kept beside what Hilum says that it keeps."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Hilum, hilum_process
from tests.conftest import WriteFilm

__all__ = ["hilum_process"]


def test_predicting_leaves_nothing_in_the_home_folder(
    hilum_process: Hilum, write_film: WriteFilm, tmp_path: Path
) -> None:
    """ONNX Runtime keeps a device id and a queue of events there unless it is told not to."""
    home, film = tmp_path / "home", write_film(tmp_path / "film.png", seed=1, size=(128, 128))
    home.mkdir()
    done = hilum_process("predict", "shipped", film, HOME=str(home), XDG_CACHE_HOME="")
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
