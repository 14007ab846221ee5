"""A store in SQLite, and the same in a PostgreSQL that the tests start where one is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, Store, open_store
from tests.postgres import Postgres

NewStore = Callable[[], str]
MakePrediction = Callable[..., NewPrediction]


_numbers = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Makes the URL of a database that nobody has used; on PostgreSQL a schema, which is there sooner."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"store{next(_numbers)}.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.schema


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
