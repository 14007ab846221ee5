"""Parts of a node for tests: a detector that answers by rule, a destination that keeps what it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset

from hilum.answering.reading import FilmHeader
from hilum.pacs.answerer import FilmHeat
from hilum.pacs.node import Node
from hilum.pacs.records import AnsweredFilm, DetectorFacts
from hilum.pacs.senders.outcomes import Refused, Unreachable
from hilum.pacs.settings import Destination, NodeSection, NodeSettings
from hilum.records import NOT_JUDGED, Film, Prediction
from tests.pacs.films import file_bytes

FACTS = DetectorFacts("rule", "1.0", "5" * 64, "youden", ("NORMAL", "PNEUMONIA"), 0.5)


@dataclass
class RuledAnswers:
    """Answers every film alike, and counts."""

    facts: DetectorFacts = FACTS
    prob: float = 0.75
    asked: int = 0
    not_judged: str = ""
    failing: int = 0  # times that it fails before it answers
    ended: int = 0  # times that its reading process is ended first

    def answer(self, path: Path) -> tuple[AnsweredFilm, FilmHeader]:
        self.asked += 1
        assert path.exists()
        if self.failing:
            self.failing -= 1
            raise OSError("the network could not be loaded")
        if self.ended:
            self.ended -= 1
            error = "takes too long to read"
            unread = Prediction(Film(""), error=error, answer=NOT_JUDGED, why=f"It could not be read: {error}.")
            return AnsweredFilm(unread, retry=True), FilmHeader()
        row = Prediction(
            Film(""),
            (1 - self.prob, self.prob),
            "PNEUMONIA",
            shape=(256, 224),
            flags=(self.not_judged,) if self.not_judged else (),
            answer=NOT_JUDGED if self.not_judged else "PNEUMONIA",
            why=self.not_judged or "Only PNEUMONIA is plausible.",
        )
        outline = ((10.0, 20.0), (100.5, 20.0), (100.5, 180.25), (10.0, 20.0))
        return AnsweredFilm(row, outline, (0, 0, 256, 224)), FilmHeader(patient="P", study="S", age="004Y")

    def heat(self, path: Path) -> FilmHeat:
        return FilmHeat(np.full((64, 56), 0.5, np.float32), np.zeros((64, 56), np.uint8))

    def close(self) -> None:
        pass


@dataclass
class KeepingSender:
    """A destination that keeps what it is sent; `outcome` says what it does with it first."""

    name: str = "pacs"
    outcome: Callable[[Path], None] = lambda path: None
    taken: list[bytes] = field(default_factory=list)
    tries: int = 0

    def send(self, path: Path) -> None:
        self.tries += 1
        content = path.read_bytes()
        self.outcome(path)
        self.taken.append(content)

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


def unreachable(path: Path) -> None:
    raise Unreachable("pacs: no answer")


def refused(path: Path) -> None:
    raise Refused("pacs refuses a result", "0xA700", True)


def settings_of(folder: Path, *destinations: str, **tables: object) -> NodeSettings:
    """Of a node that has its store and its files in a folder, and its neighbours in this process."""
    node = NodeSection(store=str(folder / "hilum.db"), folder=str(folder / "node"))
    out = tuple(Destination(name=name, kind="c-store") for name in destinations)
    return NodeSettings(**{"node": node, "destinations": out, **tables})  # type: ignore[arg-type]


@contextmanager
def running(settings: NodeSettings, answers: RuledAnswers, *senders: KeepingSender) -> Iterator[Node]:
    """A node that runs in this block."""
    by_name = {each.name: each for each in senders}
    node = Node(settings, lambda _: answers, lambda destination: by_name[destination.name])
    node.start()
    try:
        yield node
    finally:
        node.stop()


def arrive(node: Node, film: Dataset, source: str = "CR1") -> None:
    """Have a film come in as a receiver has it."""
    spool = node.folders.films
    node.queue.accept(spool.arrival(spool.put(file_bytes(film), source)))


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


class Threads:
    """The threads that a block has left running."""

    def __init__(self) -> None:
        self.before = set(threading.enumerate())

    def left(self) -> set[str]:
        return {each.name for each in set(threading.enumerate()) - self.before}
