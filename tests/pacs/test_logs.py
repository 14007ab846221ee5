"""A node's log: an event a line, and of libraries nothing that a film or a stranger could have said."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hilum.pacs.logs import LogStyle, begin_log, log_event

FILM = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def others() -> Iterator[None]:
    """Every logger as it was."""
    names = ("", "hilum", "py.warnings", *list(logging.root.manager.loggerDict))
    kept = [(each, each.handlers, each.propagate, each.level) for each in map(logging.getLogger, names)]
    hook, shown = threading.excepthook, warnings.showwarning
    for each, *_ in kept:
        if each.name.startswith("pynetdicom"):  # who has loaded a sender has silenced it
            each.setLevel(logging.NOTSET)
    yield
    for each, handlers, propagate, level in kept:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)
    logging.captureWarnings(False)
    threading.excepthook, warnings.showwarning = hook, shown


def lines(style: LogStyle) -> io.StringIO:
    stream = io.StringIO()
    begin_log(stream, style)
    return stream


def test_an_event_is_a_line_of_json() -> None:
    stream = lines("json")
    log_event("answered", FILM, seconds=0.123456, batch=3)
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {"level": "info", "event": "answered", "film": "0123456789ab", "seconds": 0.123, "batch": 3}


def test_an_event_is_a_line_for_people() -> None:
    stream = lines("text")
    log_event("answered", FILM, seconds=0.5)
    logging.getLogger("hilum").warning("two\nlines")
    moments, said = zip(*(line.split(" ", 1) for line in stream.getvalue().splitlines()), strict=True)
    assert said == ("answered film=0123456789ab seconds=0.5", "warning two lines")
    for moment in moments:
        assert abs(datetime.now(UTC) - datetime.fromisoformat(moment)) < timedelta(minutes=1), "in UTC"


@pytest.mark.parametrize("library", ["dbos", "pynetdicom.acse", "pydicom", "sqlalchemy.engine", "of.nobody.known"])
def test_what_a_library_says_is_not_repeated(library: str, capfd: pytest.CaptureFixture[str]) -> None:
    stream = lines("json")
    log = logging.getLogger(library)
    log.warning("CANARY^JANE")
    log.error("CANARY^JANE")
    try:
        raise ValueError("CANARY^JANE")
    except ValueError:
        log.exception("CANARY^JANE")
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["event"], each["library"], each["error"]) for each in events] == [
        ("library failed", library.partition(".")[0], ""),
        ("library failed", library.partition(".")[0], "ValueError"),
    ]
    assert "CANARY" not in stream.getvalue()
    assert capfd.readouterr() == ("", "")


def test_a_warning_and_a_thread_that_fails_say_nothing_of_a_film(capfd: pytest.CaptureFixture[str]) -> None:
    stream = lines("json")

    def fail() -> None:
        warnings.warn("CANARY^JANE", UserWarning, stacklevel=1)
        raise ValueError("CANARY^JANE")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        failing = threading.Thread(target=fail)
        failing.start()
        failing.join()
    event = json.loads(stream.getvalue().splitlines()[-1])
    assert (event["event"], event["error"]) == ("thread failed", "ValueError")
    assert event["where"].startswith(f"{__name__}:")
    assert "CANARY" not in stream.getvalue()
    assert capfd.readouterr() == ("", "")
