"""A node is killed again and again, at each step of its work: of every film that it has acknowledged there is one
report and one picture in the PACS, and whatever was sent again was the same object.

make test-pacs-kills KILLS=100
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hilum import bundle as bundles
from hilum.pacs.identity import FilmKey
from tests.pacs.films import film, jpeg_levels
from tests.pacs.killing_node import PLACES
from tests.pacs.nodes import SECONDS, NodeFile, RunningNode, require_ended, wait_until_none
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.recording import RecordingProxy, recording
from tests.pacs.sending import Outgoing, Sender
from tests.postgres import Postgres, a_server

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HILUM_TEST_KILLS", "6"))
FILMS_A_KILL = 3
PATIENCE = 2.0  # seconds, before another film is sent so that the place is come to
STUDY_OF = 7  # of so many films one is of the study of the film before it


@dataclass
class Films:
    """Films that a modality sends as the test lets it, one after another.

    Attributes:
        seal: of the detector.
        operating_point: of it.
        pictures: JPEGs; phantoms where there are none.
        numbers: of the films.
        keys: what each film's results are computed from, by its UID.
        released: how many more may be sent.
    """

    seal: str
    operating_point: str
    pictures: Sequence[Path]
    numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    keys: dict[str, FilmKey] = field(default_factory=dict)
    released: int = 0
    ended: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def release(self, films: int) -> None:
        """Let so many more be sent."""
        with self.changed:
            self.released += films
            self.changed.notify_all()

    def end(self) -> None:
        """No more films come than were released."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def __iter__(self) -> Iterator[Outgoing]:
        """Films, each when it was released."""
        for number in self.numbers:
            with self.changed:
                self.changed.wait_for(lambda: self.ended or self.released > 0)
                if not self.released:
                    return
                self.released -= 1
            study = number - 1 if number % STUDY_OF == 0 else number
            grey = jpeg_levels(self.pictures[number % len(self.pictures)]) if self.pictures else None
            ds = film(number, grey=grey, study=study)
            pixels = hashlib.sha256(ds.PixelData).hexdigest()
            self.keys[str(ds.SOPInstanceUID)] = FilmKey(
                str(ds.SOPInstanceUID), pixels, self.seal, self.operating_point
            )
            yield Outgoing.of(ds)


@pytest.fixture
def films() -> Films:
    """Children's films where they lie, else phantoms; for the shipped detector."""
    opened = bundles.read("shipped")
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "chest_xray" / "val"
    return Films(opened.spec.seal, opened.spec.operating_point.rule, sorted(folder.rglob("*.jpeg")))


@dataclass(frozen=True)
class Kill:
    """One that happened: where, at which of the times that a node came there, and after how many seconds."""

    place: str
    nth: int
    seconds: float


@contextmanager
def sending(sender: Sender, films: Films) -> Iterator[None]:
    """Send films in this block, and at its end wait until all that were released are acknowledged."""
    thread = threading.Thread(target=sender.send, args=(films,), daemon=True)
    thread.start()
    yield
    films.end()
    thread.join(SECONDS)
    assert not thread.is_alive(), "a film was never acknowledged"


def drawn_places(kills: int, chance: random.Random) -> list[str]:
    """So many places in a drawn order, each as often as the others."""
    names = sorted(PLACES)
    turns = [names[number % len(names)] for number in range(kills)]
    chance.shuffle(turns)
    return turns


def run_until_killed(file: NodeFile, place: str, nth: int, films: Films) -> Kill:
    """Start a node and give it films until it has come to the place and is gone."""
    marker = file.write().with_name(f"{file.name}.toml.hit")
    marker.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.pacs.killing_node", place, str(nth)]
    node = RunningNode(file, command=command, ready=False)
    films.release(FILMS_A_KILL)
    children: list[int] = []
    more = began + 3 * PATIENCE
    while node.process.poll() is None:
        assert time.monotonic() < began + SECONDS, f"{place} was never come to"
        children = node.children() or children
        if time.monotonic() > more:
            films.release(1)
            more = time.monotonic() + PATIENCE
        time.sleep(0.01)
    assert node.process.returncode == -signal.SIGKILL, f"{place}: {node.log.read_text()[-3000:]}"
    assert marker.is_file(), f"{place}: it was gone without having come there"
    require_ended(children)
    return Kill(place, nth, time.monotonic() - began)


def wait_for_results(orthanc: Orthanc, keys: dict[str, FilmKey], what: str) -> None:
    """Wait until there is a report, or a picture, of every film."""
    modality = {"report": "SR", "capture": "OT"}[what]
    wanted = {key.uid(what) for key in keys.values()}

    def missing() -> int:
        return len(wanted - set(orthanc.uids(modality)))

    wait_until_none(missing, f"of {len(keys)} films have no {what} in the PACS")


def require_one_of_each(orthanc: Orthanc, proxy: RecordingProxy, keys: dict[str, FilmKey]) -> str:
    """Every film has one report and one picture, nothing else is there, and what was sent again was the same."""
    wanted = sorted(key.uid(what) for key in keys.values() for what in ("report", "capture"))
    assert orthanc.uids() == wanted
    assert len(orthanc.uids("SR")) == len(keys)
    sent = Counter(each.uid for each in proxy.passed)
    assert sorted(sent) == wanted
    digests = {(each.uid, each.digest) for each in proxy.passed}
    changed = [uid for uid, count in Counter(uid for uid, _ in digests).items() if count > 1]
    assert not changed, f"{len(changed)} objects were sent again with other content"
    again = sum(sent.values()) - len(sent)
    return f"{len(keys)} films acknowledged, {sum(sent.values())} objects sent, {len(sent)} distinct, {again} again"


def histogram(kills: Sequence[Kill]) -> str:
    """How often a node was killed at each place."""
    count = Counter(kill.place for kill in kills)
    longest = max(map(len, PLACES))
    return "\n".join(
        [f"{len(kills)} kills, {sum(kill.seconds for kill in kills):.0f} s"]
        + [f"{place:<{longest}} {'#' * count[place]} {count[place]}" for place in PLACES]
    )


def test_nothing_acknowledged_is_lost_or_doubled_on_sqlite(
    films: Films, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, kills = random.Random(21), []
    with an_orthanc(tmp_path / "orthanc") as orthanc, recording(orthanc.dicom_port) as proxy:
        file = NodeFile(tmp_path / "node", destinations={"pacs": proxy.port})
        sender = Sender([file.port])
        with sending(sender, films):
            for place in drawn_places(KILLS, chance):
                kills.append(run_until_killed(file, place, chance.randint(1, 2), films))
            node = RunningNode(file)
        assert set(sender.acknowledged) == set(films.keys)
        wait_for_results(orthanc, films.keys, "report")
        wait_for_results(orthanc, films.keys, "capture")
        assert node.stop() == 0
        summary = require_one_of_each(orthanc, proxy, films.keys)
    with capsys.disabled():
        print(f"\nSQLite: {histogram(kills)}\n{summary}")


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that keeps what it has acknowledged."""
    with a_server() as server:
        yield server


def test_nothing_is_lost_on_postgresql_when_one_of_two_nodes_never_returns(
    films: Films, own_postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, kills = random.Random(22), []
    store, spool = own_postgres.url, tmp_path / "films"
    with an_orthanc(tmp_path / "orthanc") as orthanc, recording(orthanc.dicom_port) as proxy:
        files = [
            NodeFile(tmp_path / name, name, store, spool, destinations={"pacs": proxy.port})
            for name in ("one", "two")
        ]
        theirs = [films, replace(films, numbers=itertools.count(2, 2), keys={}, changed=threading.Condition())]
        films.numbers = itertools.count(1, 2)
        senders = [Sender([each.port]) for each in files]
        killed, stays = 0, RunningNode(files[1])
        with sending(senders[0], theirs[0]), sending(senders[1], theirs[1]):
            for number, place in enumerate(drawn_places(KILLS, chance)):
                if number == KILLS // 2:  # from now on it is the other one that is killed, in the end for good
                    assert stays.stop() == 0
                    killed, stays = 1, RunningNode(files[0])
                theirs[1 - killed].release(1)
                kills.append(run_until_killed(files[killed], place, chance.randint(1, 2), theirs[killed]))
            senders[killed].ports[:] = [stays.file.port]
        keys = theirs[0].keys | theirs[1].keys
        assert {*senders[0].acknowledged, *senders[1].acknowledged} == set(keys)
        wait_for_results(orthanc, keys, "report")
        wait_for_results(orthanc, keys, "capture")
        assert stays.stop() == 0
        summary = require_one_of_each(orthanc, proxy, keys)
    with capsys.disabled():
        print(f"\nPostgreSQL: {histogram(kills)}\n{summary}")
