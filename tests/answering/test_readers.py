"""The processes that read films are started ahead of what loads slowly, and end with whoever started them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from hilum.answering import readers
from hilum.answering.readers import reader_process, start_ahead
from hilum.errors import HilumError


@pytest.fixture(autouse=True)
def _own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ahead: list[readers.ReaderProcess] = []
    monkeypatch.setattr(readers, "_ahead", ahead)
    yield
    for each in ahead:
        each.pipe.close()
        each.process.wait(60)


def test_a_process_that_was_started_ahead_is_taken_first() -> None:
    start_ahead(1)
    (ahead,) = readers._ahead
    taken = reader_process()
    assert taken is ahead
    assert not readers._ahead
    taken.pipe.close()
    assert taken.process.wait(60) == 0  # it ends by itself


def test_one_that_cannot_be_started_is_said_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    start_ahead(2)
    assert not readers._ahead
    with pytest.raises(HilumError, match="cannot be started: Resource temporarily unavailable"):
        reader_process()


def test_starting_them_loads_nothing_else() -> None:
    program = "import sys, hilum.answering.readers; print(*{'numpy', 'fastapi', 'hilum.pixels'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
