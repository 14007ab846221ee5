"""Requests that bring what nobody asked for: each is refused with a cause, loses nothing and leaves nothing."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import StoreError
from hilum.service import receivers
from hilum.store import open_store, verify
from tests.service.conftest import Room, films, one, open_room, png_of, problem

FORM = "multipart/form-data; boundary=b"


def part(content: bytes, disposition: bytes = b'form-data; name="film"; filename="a"') -> bytes:
    return b"--b\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    "name",
    [
        b"<script>alert(1)</script>",
        b"' OR 1=1; DROP TABLE predictions; --",
        b"../../../../etc/passwd",
        b"/dev/zero",
        b"C:\\\\Windows\\\\win.ini",
        b"film.npz#train/17",
        b"nul\0byte.png",
        b"\xff\xfe\xf0",
        "Müller, 漢字 \u202e.png".encode(),
        b"x" * 4000,
    ],
)
def test_names_of_files_are_neither_used_nor_kept(room: Room, spool: Path, name: bytes) -> None:
    body = part(png_of(80), b'form-data; name="film"; filename="' + name + b'"') + b"--b--\r\n"
    reply = room.post("/v1/predictions", content=body, headers={"Content-Type": FORM})
    assert reply.status_code in (200, 201), reply.text
    assert reply.json()["predictions"][0]["film"]["bytes"] == len(png_of(80))
    assert name.decode("latin-1") not in reply.text
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (part(b"x", b'form-data; name="film"; filename="a\r\nX-Evil: 1"') + b"--b--\r\n", (400, 422)),
        (part(b"x", b"form-data") + b"--b--\r\n", (422,)),
        (part(b"x", b"") + b"--b--\r\n", (422,)),
        (part(b"x", b'form-data; name="film"; name="other"') + b"--b--\r\n", (422,)),
        (part(b"x") + part(b"y", b'form-data; name="prevalence"') + b"--b--\r\n", (422,)),
        (part(png_of(81)), (400,)),
        (part(png_of(81))[:-40], (400,)),
        (b"--b--\r\n", (400, 422)),
        (b"", (400, 422)),
        (b"--b\r\n" + b"A: b\r\n" * 5000 + b"\r\nx\r\n--b--\r\n", (400, 422)),
        (b"--b\r\n" + b"A" * 100_000 + b": b\r\n\r\nx\r\n--b--\r\n", (400, 422)),
    ],
)
def test_a_multipart_body_that_is_wrong_is_refused(
    room: Room, spool: Path, body: bytes, status: tuple[int, ...]
) -> None:
    reply = room.post("/v1/predictions", content=body, headers={"Content-Type": FORM})
    assert reply.status_code in status, reply.text
    assert problem(reply, reply.status_code)
    assert not list(spool.iterdir())


def test_ten_thousand_films_in_one_request_are_refused(room: Room, spool: Path) -> None:
    body = part(b"film") * 10_000 + b"--b--\r\n"
    reply = room.post("/v1/predictions", content=body, headers={"Content-Type": FORM})
    assert "at most 8 films" in problem(reply, 413)
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    "kind",
    ["", "text/html", "application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "\xff"],
)
def test_a_content_type_that_is_not_taken_is_refused(room: Room, kind: str) -> None:
    headers = [(b"Content-Type", kind.encode("latin-1"))] if kind else []
    reply = room.post("/v1/predictions", content=b"x", headers=headers)
    assert "multipart/form-data" in problem(reply, 415)


def test_a_compressed_body_is_refused(room: Room) -> None:
    headers = {"Content-Type": "application/dicom", "Content-Encoding": "gzip"}
    assert "without a content encoding" in problem(room.post("/v1/predictions", content=b"x", headers=headers), 415)


def test_what_is_no_film_has_to_be_small(room: Room) -> None:
    id_ = one(room, png_of(82))["id"]
    body = b'{"verdict": "accept", "comment": "' + b"x" * 100_000 + b'"}'
    for path in (f"/v1/predictions/{id_}/verdict", f"/films/{id_}/verdict", "/sign-in", "/nowhere"):
        reply = room.post(path, content=body, headers={"Content-Type": "application/json"})
        assert "at most 64 KiB" in problem(reply, 413)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"[" * 60_000, b'{"verdict": "accept", "label": "\\ud800"}', b"null", b"1e999"]
)
def test_a_verdict_that_is_no_json_is_refused(room: Room, body: bytes) -> None:
    id_ = one(room, png_of(82))["id"]
    headers = {"Content-Type": "application/json"}
    reply = room.post(f"/v1/predictions/{id_}/verdict", content=body, headers=headers)
    assert problem(reply, reply.status_code)
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(errno.ENOSPC, 507, "disk is full"), (errno.EDQUOT, 507, "disk is full"), (errno.EROFS, 503, "cannot write")],
)
def test_a_disk_that_takes_no_film_is_named(
    room: Room, spool: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int, words: str
) -> None:
    def write(film: object, piece: bytes) -> None:
        raise OSError(number, "No more of this")

    with monkeypatch.context() as patch:
        patch.setattr(receivers._Film, "write", write)
        assert words in problem(room.post("/v1/predictions", files=films(png_of(83))), status)
    assert not list(spool.iterdir())
    one(room, png_of(83))


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [("the disk is full; make room", 507, "acknowledged is safe"), ("it does not answer", 503, "send it again")],
)
def test_a_database_that_takes_nothing_is_named_and_the_same_request_is_answered_later(
    room: Room, monkeypatch: pytest.MonkeyPatch, cause: str, status: int, words: str
) -> None:
    def put_many(*arguments: object) -> None:
        raise StoreError(f"/secret/path/hilum.db: {cause}")

    content = png_of(84 + status)
    with monkeypatch.context() as patch:
        patch.setattr("hilum.store.predictions.StoredPredictions.put_many", put_many)
        told = problem(room.post("/v1/predictions", files=films(content)), status)
        assert words in told
        assert "secret" not in told
    assert not one(room, content)["repeated"]


def test_a_clock_that_jumps_loses_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a battery that was empty, or a time server that was wrong."""
    jump = timedelta(0)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + jump

    modules = ("service.service", "store.new_predictions", "store.audit", "store.verdicts", "store.retention")
    with open_room(tmp_path, str(tmp_path / "hilum.db")) as room:
        ids = []
        for number, days in enumerate((0, -400, 400, 0)):
            jump = timedelta(days=days)
            with monkeypatch.context() as patch:
                for module in modules:
                    patch.setattr(f"hilum.{module}.datetime", Jumping)
                ids.append(one(room, png_of(86 + number))["id"])
                given = room.post(f"/v1/predictions/{ids[-1]}/verdict", json={"verdict": "accept"})
                assert given.status_code == 201
                assert room.get(f"/v1/predictions/{ids[-1]}/film").status_code == 200
        for order in ("newest", "oldest", "worklist"):
            page = room.get("/v1/predictions", params={"order": order, "limit": 2}).json()
            rest = room.get("/v1/predictions", params={"order": order, "after": page["next"]}).json()
            assert sorted(each["id"] for each in page["predictions"] + rest["predictions"]) == sorted(ids)
        assert [one(room, png_of(86 + number))["id"] for number in range(4)] == ids
    with open_store(str(tmp_path / "hilum.db")) as opened:
        assert verify(opened.database).problems == ()
        apart = [abs(entry.at - datetime.now(UTC)) for entry in opened.audit.entries()]
        assert max(apart) > timedelta(days=399)
