"""The example of `examples/orthanc/` as its readers run it: the command, on free ports, in a folder of the test's."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.house import ROOT
from tests.pacs.orthanc import require_orthanc
from tests.ports import free_port

RUN = ROOT / "examples" / "orthanc" / "run"
TARBALL = Path(os.environ.get("HILUM_OHIF", ROOT / "build" / "ohif-app-3.13.2.tgz"))
REQUIRED = "HILUM_REQUIRE_OHIF" in os.environ
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"
# The node of this checkout, whichever is installed. Its processes that read films run this too, under another name.
HILUM = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
if __name__ == "__main__":
    from hilum.cli import main
    main()
"""
_open = build_opener(ProxyHandler({})).open


def require_ohif() -> None:
    """Skip what needs OHIF and nginx where they are not here, unless the environment says that they have to be."""
    require_orthanc()
    missing = [name for name in ("nginx", "chromium") if shutil.which(name, path=PLACES) is None]
    missing += [] if TARBALL.is_file() else [f"{TARBALL} (make test-ohif fetches it)"]
    if missing and REQUIRED:
        pytest.fail(f"not here, and these tests have to run: {missing}")
    if missing:
        pytest.skip(f"not here: {missing}")


class Running:
    """The command while it runs.

    Attributes:
        process: of it.
        folder: in which everything lies.
        page: the address of OHIF.
        orthanc: the address of Orthanc's REST API.
        ports: of the page, Orthanc's HTTP, Orthanc's DICOM and the node.
        orthanc_port: of Orthanc, for DICOM.
        node_port: of the node, likewise.
    """

    def __init__(self, folder: Path, *options: str, ports: Sequence[int] = ()) -> None:
        ports = ports or [free_port() for _ in range(4)]
        self.folder, self.orthanc_port, self.node_port = folder, ports[2], ports[3]
        self.page, self.orthanc = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
        self.ports = ports
        guard = ["setpriv", "--pdeathsig", "INT", "--"]  # all of it ends where the tests are killed
        command = [*guard, *command_of(folder), "--ports", ",".join(map(str, ports)), *options]
        self._output = (folder.parent / f"{folder.name}.output").open("w+b")
        self.process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    def said(self) -> str:
        """All that it has printed."""
        return Path(self._output.name).read_text("utf-8")

    def logs(self) -> str:
        """The ends of what its programs have written."""
        return "\n".join(
            f"{each}:\n{each.read_text('utf-8', 'replace')[-3000:]}" for each in self.folder.glob("logs/*")
        )

    def wait_until_up(self, seconds: float = 300) -> None:
        """Until it says that all of it runs."""
        end = time.monotonic() + seconds
        while "Ctrl-C ends it." not in self.said():
            assert self.process.poll() is None, f"{self.said()}\n{self.logs()}"
            assert time.monotonic() < end, f"{self.said()}\n{self.logs()}"
            time.sleep(0.1)

    def children(self) -> dict[str, int]:
        """The programs that it has started: their names and numbers."""
        started = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {Path(f"/proc/{each}/comm").read_text().strip(): int(each) for each in started}

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal and wait for its end; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(200)
        self._output.close()
        return code

    def json(self, path: str) -> Any:
        """What Orthanc's REST API answers."""
        with _open(f"{self.orthanc}{path}", timeout=30) as reply:
            return json.loads(reply.read())

    def stored(self, study: str, modality: str) -> list[str]:
        """Orthanc's ids of a study's instances of one modality."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study, "Modality": modality}}
        with _open(f"{self.orthanc}/tools/find", json.dumps(query).encode(), timeout=30) as reply:
            return list(json.loads(reply.read()))

    def is_up(self) -> bool:
        """Whether Orthanc answers."""
        with suppress(OSError):
            return bool(self.json("/system"))
        return False

    def wait_for(self, study: str, modality: str, seconds: float = 60) -> list[str]:
        """Until a study has instances of a modality in Orthanc."""
        end = time.monotonic() + seconds
        while not (found := self.stored(study, modality)):
            assert time.monotonic() < end, (
                f"no {modality} of {study} within {seconds} s\n{self.said()}\n{self.logs()}"
            )
            time.sleep(0.1)
        return found

    def file(self, instance: str) -> bytes:
        """An instance as DICOM's Part 10."""
        with _open(f"{self.orthanc}/instances/{instance}/file", timeout=30) as reply:
            return bytes(reply.read())


def command_of(folder: Path) -> list[str]:
    """The command, by this Python and with the node of this checkout."""
    program = folder.parent / "hilum"
    program.write_text(HILUM, "utf-8")
    program.chmod(0o755)
    return [sys.executable, str(RUN), "--folder", str(folder), "--hilum", str(program)]


@contextmanager
def running(folder: Path, *options: str, ports: Sequence[int] = ()) -> Iterator[Running]:
    """The command until the end of the block, once all of it is up; on free ports, or on those of an earlier one."""
    example = Running(folder, *options, ports=ports)
    try:
        example.wait_until_up()
        yield example
    finally:
        code = example.end()
    assert code == 0, f"{example.said()}\n{example.logs()}"


def refusal(folder: Path, *options: str, environment: dict[str, str] | None = None) -> str:
    """The one line with which the command refuses to run."""
    done = subprocess.run(
        [*command_of(folder), *options], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode != 0
    assert not done.stdout
    (line,) = re.findall(r"^run: .*$", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    return str(line)


def send(program: Sequence[str], port: int, called: str, *films: Path) -> None:
    """Send films by a program of DCMTK's, as the AE title that the example knows."""
    done = subprocess.run(
        [*program, "-aet", "FILMS", "-aec", called, "127.0.0.1", str(port), *map(str, films)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def another_address() -> str:
    """Of this machine, besides 127.0.0.1: by which it would call elsewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of documentation (RFC 5737); nothing is sent
        except OSError:
            pytest.skip("this machine has no other address")
        return str(probe.getsockname()[0])
