"""Parts of a node for tests: a detector that answers by rule, a destination that keeps what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset

from hilum.answering.reading import FilmHeader
from hilum.pacs.answerer import FilmHeat
from hilum.pacs.dispatch import Dispatch
from hilum.pacs.folders import NodeFolders
from hilum.pacs.node import Node
from hilum.pacs.queue import FilmQueue
from hilum.pacs.records import AnsweredFilm, DetectorFacts
from hilum.pacs.senders.outcomes import Refused, Unreachable
from hilum.pacs.settings import Destination, NodeSection, NodeSettings
from hilum.pacs.steps import FilmSteps
from hilum.records import NOT_JUDGED, Film, Prediction
from hilum.store import NodeFilm, NodeSending, open_store
from tests.pacs.films import file_bytes
from tests.pacs.spooling import put

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
    undrawable: int = 0  # times that it says of no film where its answer comes from
    seconds: float = 0.0  # that an answer takes

    def answer(self, path: Path) -> tuple[AnsweredFilm, FilmHeader]:
        self.asked += 1
        assert path.exists()
        time.sleep(self.seconds)
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
        if self.undrawable:
            self.undrawable -= 1
            raise MemoryError
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
    node.queue.accept(spool.arrival(put(spool, file_bytes(film), source)))


@dataclass
class StillClock:
    """A clock that notes how long it was to wait, and lets no time pass; what happens meanwhile is `during`."""

    waits: list[float] = field(default_factory=list)
    during: Callable[[float], bool] = lambda seconds: False  # seconds so far; gives whether the node stops

    def wait(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(seconds)
        return self.during(sum(self.waits))


class Workbench:
    """The parts of a node without its queues: whoever tests a step does it, as often as it likes."""

    def __init__(
        self,
        folder: Path,
        answers: RuledAnswers,
        *senders: KeepingSender,
        clock: StillClock | None = None,
        **tables: object,
    ) -> None:
        self.settings = settings_of(folder, *(each.name for each in senders), **tables)
        self.answers, self.clock = answers, clock or StillClock()
        self.store, self.folders = open_store(self.settings.node.store), NodeFolders(Path(self.settings.node.folder))
        self.enqueued: list[str] = []
        self.sending: list[tuple[str, str, str]] = []
        self.captures: list[str] = []
        self.later: list[tuple[NodeSending, float]] = []
        self.steps = FilmSteps(
            self.settings,
            self.store,
            self.folders,
            answers,
            lambda film, path: [each.name for each in self.settings.destinations],
            lambda _, id_, kind, names: self.sending.extend((id_, kind, name) for name in names),
            lambda _, id_: self.captures.append(id_),
        )
        self.dispatch = Dispatch(
            self.store,
            self.folders,
            {each.name: each for each in senders},
            self.clock,
            self.steps.make_again,
            lambda _, sending, seconds: self.later.append((sending, seconds)),
        )
        self.queue = FilmQueue(
            self.settings, self.store, self.folders, answers.facts, lambda _, id_, again: self.enqueued.append(id_)
        )

    def arrive(self, film: Dataset, source: str = "CR1") -> NodeFilm:
        """Have a film come in; gives the row of that one, or of what it is taken for."""
        path = put(self.folders.films, file_bytes(film), source)
        arrival = self.folders.films.arrival(path)
        self.queue.accept(arrival)
        instance = self.store.pseudonym("film", arrival.facts.instance)
        rows = [each for each in self.store.node_films.latest(1000) if each.instance == instance]
        return next(each for each in rows if each.pixels == arrival.facts.pixels)

    def report(self, id_: str) -> bytes:
        """Do the steps up to the report, and give it."""
        self.steps.predict(id_)
        self.steps.report(id_)
        return self.folders.result(id_, "report", shadow=self.settings.node.shadow).read_bytes()

    def film(self, id_: str) -> NodeFilm:
        found = self.store.node_films.get(id_)
        assert found is not None
        return found
