"""What the page on a hospital's network shows first is run as it stands there, but for the ports."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT
from tests.pacs.films import film, save
from tests.pacs.orthanc import Orthanc, require_programs
from tests.ports import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def shown_commands() -> list[str]:
    """The lines of the two blocks under the page's first heading that run something of ours or of DCMTK's."""
    page = (ROOT / "docs" / "pacs.md").read_text("utf-8")
    first = page.partition("## From nothing to an answer")[2].partition("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", first, re.DOTALL) for line in block.splitlines()]
    assert len(lines) <= 10
    return [line.partition("#")[0].strip() for line in lines if not line.startswith(("sudo", "pip"))]


def test_the_first_lines_of_the_page_lead_to_an_answer(tmp_path: Path, orthanc: Orthanc) -> None:
    require_programs(["storescu"])
    save(tmp_path / "film.dcm", film(1))
    ports = {"4242": str(orthanc.dicom_port), "11112": str(free_port())}

    def run(command: str) -> subprocess.Popen[bytes]:
        mine = re.sub("|".join(ports), lambda found: ports[found[0]], command)
        return subprocess.Popen(re.sub("^hilum", f"exec {sys.executable} -m hilum", mine), shell=True, cwd=tmp_path)

    example, check, start, *sends = shown_commands()
    assert run(example).wait() == 0
    settings = tmp_path / "node.toml"  # whose ports are those of the page, which this machine may not have free
    settings.write_text(re.sub("|".join(ports), lambda found: ports[found[0]], settings.read_text()))
    checked = subprocess.run(
        re.sub("^hilum", f"{sys.executable} -m hilum", check),
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    made = f"node.store: {tmp_path / 'hilum.db'} was not there; it is made now, and empty"
    assert checked.stderr.splitlines() == [made, "orthanc: answers", "It would start."]
    node = run(start)
    try:
        for command in sends:
            wait_until(lambda command=command: run(command).wait() == 0, 180)  # type: ignore[misc]
        wait_until(lambda: len(orthanc.json("/series")) == 3, 180)
    finally:
        node.send_signal(signal.SIGINT)
        code = node.wait(60)
    assert code == 0
    (study,) = orthanc.json("/studies?expand")
    series = [orthanc.json(f"/series/{each}")["MainDicomTags"]["Modality"] for each in study["Series"]]
    assert sorted(series) == ["DX", "OT", "SR"]
