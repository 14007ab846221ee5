"""A load of films for a node, from a process of its own that takes little of the processors.

    python -m benchmarks.pacs_load < plan.json > sent.json

Films are made before the first one is sent: each a DX of its own, of a JPEG's pixels. Every association is a thread
that waits for each film's answer before it sends the next one, as storescu does.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.pacs.films import film, jpeg_levels
from tests.pacs.sending import Outgoing
from tests.pacs.wire import Association


@dataclass(frozen=True, slots=True)
class PacsPlan:
    """What is sent.

    Attributes:
        port: of the node, on this machine.
        films: JPEG files, whose pixels are sent.
        first: number of the first film; two plans' numbers are apart.
        count: of films.
        associations: at a time.
        pause: seconds between a film's answer and the next film.
    """

    port: int
    films: tuple[str, ...]
    first: int
    count: int
    associations: int = 4
    pause: float = 0.0


@dataclass(slots=True)
class PacsSent:
    """What became of a plan, in the order of the answers.

    Attributes:
        instances: SOP Instance UIDs.
        statuses: that were answered.
        seconds: from a film's first byte to its acknowledgement.
        ends: when a film's last byte was sent, as seconds since the epoch.
        began: when the first film was, likewise.
        cpu: seconds of processor time that sending took.
    """

    instances: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    began: float = 0.0
    cpu: float = 0.0


def start(plan: PacsPlan) -> subprocess.Popen[str]:
    """Begin to carry out a plan in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pacs_load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    return process


def finish(process: subprocess.Popen[str]) -> PacsSent:
    """Wait until a plan is carried out."""
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait() == 0
    return PacsSent(**json.loads(said))


def carry_out(plan: PacsPlan) -> PacsSent:
    """Carry out a plan in this process."""
    files = [plan.films[number % len(plan.films)] for number in range(plan.count)]
    films = [
        Outgoing.of(film(plan.first + number, grey=jpeg_levels(Path(path)))) for number, path in enumerate(files)
    ]
    sent, lock, turns = PacsSent(), threading.Lock(), itertools.count()

    def send() -> None:
        with Association(plan.port, [films[0].proposal]) as association:
            context = association.accepted[films[0].proposal]
            while (place := next(turns)) < len(films):
                one, began = films[place], time.monotonic()
                association.begin(context, one.sop_class, one.instance)
                association.send(context, one.data, command=False)
                end = time.time()
                status = association.status()
                with lock:
                    sent.instances.append(one.instance)
                    sent.statuses.append(status)
                    sent.seconds.append(time.monotonic() - began)
                    sent.ends.append(end)
                time.sleep(plan.pause)

    threads = [threading.Thread(target=send) for _ in range(plan.associations)]
    sent.began, cpu = time.time(), time.process_time()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    sent.cpu = time.process_time() - cpu
    return sent


if __name__ == "__main__":
    print(json.dumps(asdict(carry_out(PacsPlan(**json.load(sys.stdin))))))
