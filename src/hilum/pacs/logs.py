"""A node's log: one event a line, as text or as JSON, with nothing of a patient, a film's UIDs or a station.

A film is named by the first twelve digits of its workflow's id. Libraries log and warn in words that may hold what a
film or a stranger says; of theirs, an error is one line with the library's name and the error's, and nothing else is
written.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from datetime import UTC, datetime
from typing import Literal, TextIO

from hilum.store import WORKFLOW_DIGITS

logger = logging.getLogger("hilum")

LogStyle = Literal["text", "json"]
Fact = str | int | float | bool
# What a header holds, such as a modality or a part of the body, and what we call so ourselves.
_TERM = re.compile(r"\b[A-Z0-9][A-Z0-9_-]+\b( [A-Z0-9_-]+\b)*")
_OURS = ("DERIVED", "DICOM", "FOR PROCESSING", "SECONDARY", "SOP", "UID")
_LIBRARIES = ("dbos", "pynetdicom", "pydicom", "sqlalchemy", "alembic", "urllib3", "python_multipart")


def log_event(event: str, film: str = "", level: int = logging.INFO, **facts: Fact) -> None:
    """Write one event.

    Args:
        event: what happened, such as `answered`.
        film: its workflow's id; empty for an event that is about no film.
        level: of `logging`.
        facts: numbers, our own words, and names that the settings hold; never what a film or a stranger says.
    """
    named = {"film": film[:WORKFLOW_DIGITS]} if film else {}
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}
    logger.log(level, event, extra={"event_facts": named | shown})


def without_terms(why: str) -> str:
    """A reason without what a film's header or a destination has said: a few sentences, and nobody's name.

    >>> without_terms("of modality CT, which is not answered here"), without_terms("pacs: DOE^JANE is not known")
    ('of modality …, which is not answered here', 'pacs')
    """
    return _TERM.sub(lambda found: found[0] if found[0] in _OURS else "…", why.partition(":")[0])


def begin_log(stream: TextIO, style: LogStyle) -> None:
    """Write Hilum's events to a stream, and of libraries no more than that something failed.

    To be called before anything of DBOS or pynetdicom is made; what else listened to the log is taken off.

    Args:
        stream: such as `sys.stderr`.
        style: `text` for people, `json` for programs, one object a line.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json() if style == "json" else _Text())
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)  # of Python's, which pydicom fills with values
    foreign = _Libraries(logging.ERROR)
    for name in ("", "py.warnings", *_LIBRARIES):
        library = logging.getLogger(name)
        library.handlers = [foreign]
        library.propagate = False
        library.setLevel(logging.ERROR)
    threading.excepthook = _of_thread


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = [record.levelname.lower()] if record.levelno > logging.INFO else []
        facts = (f"{name}={value}" for name, value in _facts(record).items())
        words = [_moment(record, "seconds"), *level, record.getMessage(), *facts]
        return " ".join("".join(letter if letter.isprintable() else " " for letter in word) for word in words)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        own = {
            "time": _moment(record, "milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        return json.dumps(own | _facts(record), ensure_ascii=False)


class _Libraries(logging.Handler):
    """What libraries say of their troubles, without their words."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        library = record.name.partition(".")[0] or "a library"
        log_event("library failed", level=logging.ERROR, library=library, error=kind.__name__ if kind else "")


def _moment(record: logging.LogRecord, precision: str) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, Fact]:
    return getattr(record, "event_facts", {})


def _of_thread(failed: threading.ExceptHookArgs) -> None:
    """A thread that ended by an error: where, and which; its words may be a film's."""
    trace, place = failed.exc_traceback, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"
        trace = trace.tb_next
    log_event("thread failed", level=logging.ERROR, error=failed.exc_type.__name__, where=place)
