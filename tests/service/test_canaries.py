"""What a film says of a person, what its file is called, and tokens: sent in, and found nowhere again in clear."""

from __future__ import annotations

import io
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hilum.answering.reading import ReadingPool
from hilum.service.credentials import hash_password, make_token
from hilum.store import Search, Store, open_store
from hilum.store.tables import plain_tables
from tests.pixels.dicoms import dataset, stored_phantom
from tests.postgres import Postgres
from tests.service.conftest import Room, films, open_room

NAME, ID, STUDY = "CANARY^JANE", "CANARY-4711", "1.2.826.0.1.3680043.10.424242"
PERSONAL = {
    "PatientName": NAME,
    "PatientID": ID,
    "StudyInstanceUID": STUDY,
    "PatientBirthDate": "19420817",
    "AccessionNumber": "CANARY-ACC",
    "ReferringPhysicianName": "CANARY^DOCTOR",
    "InstitutionName": "CANARY HOSPITAL",
}
FILE, PASSWORD = "canary-jane-doe.dcm", "canary battery staple"
CANARIES = ("canary", "1.2.826.0.1.3680043.10.424242", "19420817")


def dicom(**tags: Any) -> bytes:
    file = io.BytesIO()
    dataset(stored_phantom(12, size=(96, 96)), **{**PERSONAL, "PatientAge": "009Y", **tags}).save_as(
        file, enforce_file_format=True
    )
    return file.getvalue()


def found_in(text: str | bytes) -> list[str]:
    """The canaries in a text."""
    low = text.lower() if isinstance(text, str) else text.decode("latin-1").lower()
    return [each for each in CANARIES if each in low]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "hilum.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.schema()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What reading processes are asked for: the names of files among it."""
    asked: list[str] = []
    submit = ReadingPool.submit

    def watched(pool: ReadingPool, request: Any) -> Any:
        asked.append(repr(request))
        return submit(pool, request)

    monkeypatch.setattr(ReadingPool, "submit", watched)
    return iter([asked])


def sent(room: Room, text: str, secret: str) -> list[str]:
    """Everything that a service says to whoever sends it films: right ones, wrong ones, with and without a token."""
    bearer = {"Authorization": f"Bearer {secret}"}
    whole, other = dicom(), dicom(PhotometricInterpretation="CANARY", Rows=7)
    replies = [
        room.post("/v1/predictions", files=films(whole, name=FILE), headers=bearer),
        room.post("/v1/predictions", files=films(whole, whole[:2000], name=FILE), headers=bearer),
        room.post("/v1/predictions", files=films(whole[:1500], name=FILE), headers=bearer),
        room.post("/v1/predictions", files={"canary": (FILE, whole)}, headers=bearer),
        room.post(
            "/v1/predictions", files=films(whole, name=FILE), headers={"Authorization": f"Bearer {text}canary"}
        ),
        room.post("/v1/predictions?prevalence=canary", files=films(whole), headers=bearer),
        room.post("/v1/predictions?model=canary", files=films(whole), headers=bearer),
        room.post(f"/sign-in?back=/{FILE}", data={"name": "canary", "password": PASSWORD}),
        room.get(f"/{FILE}", headers=bearer),
        room.get("/v1/predictions", headers=bearer, params={"after": "canary"}),
        room.get("/v1/predictions", headers=bearer),
        room.get("/metrics", headers=bearer),
        room.get("/", headers=bearer),
        room.post("/films", files=films(dicom(PatientAge="010Y"), name=FILE), headers=bearer, follow_redirects=False),
        room.post("/v1/predictions", files=films(other, name=FILE), headers=bearer),
    ]
    said = []
    for reply in replies[:-1]:
        location = reply.headers.get("location", "")
        if "/films/" in location:
            said.append(room.get(location, headers=bearer).text)
        said.append(f"{location} {dict(reply.headers)} {reply.text}")
    assert replies[0].status_code == 201, replies[0].text
    assert {reply.status_code for reply in replies} <= {200, 201, 303, 401, 403, 404, 422}
    return said


def cells(store: Store, *left_out: str) -> Iterator[tuple[str, str]]:
    """Every value in a database, with its column; those of some columns are left out."""
    with store.database.read() as connection:
        for table in plain_tables.values():
            for row in connection.execute(select(table)).all():
                for name, value in row._mapping.items():
                    if f"{table.name}.{name}" not in left_out:
                        yield (
                            f"{table.name}.{name}",
                            value.decode("latin-1") if isinstance(value, bytes) else str(value),
                        )


def test_canaries_are_found_nowhere_in_clear(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, named: Iterator[list[str]]
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = next(named)
    with open_store(url) as store:
        store.accounts.put_user("ada", hash_password(PASSWORD), ("predict", "read", "verdict", "metrics"))
        _, text = make_token(store, "ada", ("predict", "read", "verdict", "metrics"))
    with open_room(tmp_path / "room", url, sign_in=True) as room:
        said = sent(room, text, text)
        left = [str(path) for path in tmp_path.rglob("*")]
    secret = text.split("_", 2)[2]  # which may have an underscore itself
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]  # the client's
    for what in (*said, *logged, *asked, *left):
        assert not found_in(what)
        assert secret not in what
    assert asked
    assert logged
    with open_store(url) as store:
        # The film itself is kept as it was sent in, for as long as films are kept; nothing else repeats what it says.
        for column, value in cells(store, "films.content"):
            assert not found_in(value), column
            assert secret not in value, column
        rows = store.predictions.search(Search()).rows
        known = [row for row in rows if row.patient]
        assert known
        assert {row.patient for row in known} == {store.pseudonym("patient", ID)}
        assert {row.study for row in known} == {store.pseudonym("study", STUDY)}


def test_without_films_nothing_of_a_person_reaches_the_disk(tmp_path: Path) -> None:
    url = str(tmp_path / "hilum.db")
    with open_room(tmp_path / "room", url, keep_hours=0.0) as room:
        assert room.post("/v1/predictions", files=films(dicom(), name=FILE)).status_code == 201
    with open_store(url) as store:
        assert store.predictions.search(Search()).total == 1
    assert sqlite3.connect(url).execute("SELECT count(*) FROM films").fetchone() == (0,)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or not found_in(path.read_bytes()), path
        assert not found_in(str(path.relative_to(tmp_path)))
