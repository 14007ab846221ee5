"""A node that is started, sent a film by DICOM and stopped: a program, for a network or an environment of its own.

    python noded.py PORT FILM.dcm

In shadow mode: report and picture lie in `noded/films/shadow` of the folder that it runs in.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE

from hilum.pacs.senders.reactor_gate import guard_answers

SETTINGS = """
[node]
shadow = true
folder = "films"
workers = 1
[receive]
port = {port}
[[receive.callers]]
ae_title = "TESTS"
"""
SECONDS = 300.0


def main(port: int, film: Path) -> None:
    """Start, send, wait for the results, stop."""
    folder = Path("noded")
    folder.mkdir()
    (folder / "node.toml").write_text(SETTINGS.format(port=port))
    command = [sys.executable, "-m", "hilum", "node", str(folder / "node.toml"), "--log", "json"]
    with subprocess.Popen(command) as node:
        try:
            send(port, film, node)
            for kind in ("report", "capture"):
                wait(lambda kind=kind: list((folder / "films" / "shadow").glob(f"*-{kind}.dcm")), node)  # type: ignore[misc]
            node.send_signal(signal.SIGTERM)
            assert node.wait(SECONDS) == 0
        finally:
            node.kill()


def send(port: int, film: Path, node: subprocess.Popen[bytes]) -> None:
    """Send the film once the node listens."""
    sent = dcmread(film)
    entity = AE("TESTS")
    entity.add_requested_context(sent.SOPClassUID, sent.file_meta.TransferSyntaxUID)

    def stored() -> bool:
        association = entity.associate("127.0.0.1", port, ae_title="HILUM", bind_address=("127.0.0.1", 0))
        if not association.is_established:
            return False
        guard_answers(association)
        status = association.send_c_store(sent).Status
        association.release()
        assert status == 0x0000, hex(status)
        return True

    wait(stored, node)


def wait(condition: Callable[[], object], node: subprocess.Popen[bytes]) -> None:
    """Until a condition holds, or the node has ended."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert node.poll() is None, "the node has ended"
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
