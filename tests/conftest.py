"""What every test may ask for: generated films in Kermany's layout, and the real ones where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from hilum.machine import processors
from hilum.pixels.phantom import chest_phantom
from tests.exports import exporting_once
from tests.postgres import postgres

__all__ = ["postgres"]

# The compiled kernels are the same for every test: kept beside pytest's own cache, not in each test's own.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))

# How long an example takes is the machine's business: on a busy one a deadline fails what is right.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Films by split and kind. A split called "" lays the classes at the top: CLASS/*.
Counts = Mapping[str, Mapping[str, int]]
COUNTS: Counts = {
    "train": {"normal": 24, "bacteria": 16, "virus": 8},
    "val": {"normal": 2, "bacteria": 2},
    "test": {"normal": 8, "bacteria": 5, "virus": 3},
}


class WriteFilm(Protocol):
    def __call__(self, path: Path, seed: int, opacity: float = 0.0, size: tuple[int, int] = (64, 64)) -> Path: ...


class ChestFolder(Protocol):
    def __call__(
        self,
        counts: Counts = COUNTS,
        *,
        films_a_patient: int = 2,
        size: tuple[int, int] = (64, 64),
        name: str = "chest",
    ) -> Path: ...


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than processors: some tests wait, for processes that they kill or for another's lock."""
    return processors() + 1


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the pixel cache of the person who runs it."""
    monkeypatch.setenv("HILUM_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session", autouse=True)
def _exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Bundles of one kind of network share one graph; what tests the export itself calls it itself."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exports"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("network_payload", "lung_network"):
            patch.setattr(f"hilum.bundle.{module}.export_onnx", exporting_once(folder))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real films and weights; a checkout without them skips the test."""
    folder = Path(__file__).parents[1].parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the shared films are not here")
    return folder


@pytest.fixture(scope="session")
def write_film() -> WriteFilm:
    """Write one generated film, in the format of the path's extension."""

    def write(path: Path, seed: int, opacity: float = 0.0, size: tuple[int, int] = (64, 64)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.round(chest_phantom(seed, size=size, opacity=opacity) * 255).astype(np.uint8)
        written, encoded = cv2.imencode(path.suffix, grey)
        assert written
        path.write_bytes(encoded.tobytes())
        return path

    return write


@pytest.fixture
def chest_folder(tmp_path: Path, write_film: WriteFilm) -> ChestFolder:
    """Write a folder of generated JPEGs with Kermany's names: several films a patient, denser lungs in PNEUMONIA.

    The same arguments give the same bytes; no patient number and no picture occurs twice.
    """

    def make(
        counts: Counts = COUNTS, *, films_a_patient: int = 2, size: tuple[int, int] = (64, 64), name: str = "chest"
    ) -> Path:
        root = tmp_path / name
        number = 0
        for split, kinds in counts.items():
            for kind, films in kinds.items():
                for film in range(films):
                    number += 1
                    file, opacity = (
                        kermany_name(kind, number, film % films_a_patient),
                        0.0 if kind == "normal" else 0.8,
                    )
                    folder = root / split / ("NORMAL" if kind == "normal" else "PNEUMONIA")
                    write_film(folder / file, seed=number, opacity=opacity, size=size)
        return root

    return make


def kermany_name(kind: str, number: int, film: int) -> str:
    """The name of a patient's film; `number` counts all films, `film` those of the patient from 0."""
    patient = number - film
    if kind == "normal":
        return f"IM-{patient:04d}-{film + 1:04d}.jpeg"
    return f"person{patient}_{kind}_{number}.jpeg"
