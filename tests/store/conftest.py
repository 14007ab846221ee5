"""A store in SQLite, and the same in a PostgreSQL that the tests start where one is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, Store, open_store

REQUIRED = "HILUM_REQUIRE_POSTGRES" in os.environ
NewStore = Callable[[], str]
MakePrediction = Callable[..., NewPrediction]


def programs() -> Path | None:
    """The folder of PostgreSQL's server, the newest one that Debian's packages have installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server in a folder of its own, reached by a socket in it; its URL."""
    folder_of_programs = programs()
    if folder_of_programs is None:
        if REQUIRED:
            pytest.fail("PostgreSQL is not installed, and these tests have to run on it")
        pytest.skip("PostgreSQL is not installed")
    # PostgreSQL refuses to run as root, and the name of a socket is short.
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    with TemporaryDirectory(prefix="pg-") as folder:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        data = Path(folder) / "data"

        def run(program: str, *arguments: str) -> None:
            command = [*user, str(folder_of_programs / program), *arguments]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

        run("initdb", "-D", str(data), "-A", "trust", "-U", "hilum", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=16MB"
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(Path(folder) / "log"), "-w", "start")
        try:
            yield f"postgresql://hilum@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


_numbers = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Makes the URL of a database that nobody has used; on PostgreSQL a schema, which is there sooner."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"store{next(_numbers)}.db")
    server: str = request.getfixturevalue("postgres")
    import psycopg

    def make() -> str:
        name = f"store{next(_numbers)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{server}&options=-csearch_path={name}"

    return make


@pytest.fixture
def store(new_store: NewStore) -> Iterator[Store]:
    with open_store(new_store()) as opened:
        yield opened


@pytest.fixture
def prediction() -> MakePrediction:
    """Makes a prediction for a film that is named by its content."""

    def make(content: bytes = b"film", user: str = "ada", prob: float = 0.9, **others: object) -> NewPrediction:
        key = PredictionKey(user, hashlib.sha256(content).hexdigest(), "seal", "youden")
        answer = str(others.pop("answer", "PNEUMONIA" if prob >= 0.5 else "NORMAL"))
        row = Prediction(
            Film("secret-name.dcm", age="7", sex="F", view="AP", patient="secret-id"),
            (1 - prob, prob),
            "PNEUMONIA" if prob >= 0.5 else "NORMAL",
            shape=(1024, 900),
            plausible=("PNEUMONIA",),
            flags=("looks like noise",) if answer == "not judged" else (),
            remarks=("its padding would cover every pixel and was ignored",),
            answer=answer,
            why="Only PNEUMONIA is plausible.",
        )
        values: dict[str, object] = {"key": key, "row": row, "classes": ("NORMAL", "PNEUMONIA"), "threshold": 0.5}
        return NewPrediction(**{**values, "model": "shipped", **others})  # type: ignore[arg-type]

    return make
