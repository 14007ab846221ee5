"""A node that fetches its films by itself, and sends its results where routes say; each result is there once."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from hilum.store import open_store
from tests.pacs import films
from tests.pacs.nodes import NodeFile, RunningNode
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def results(orthanc: Orthanc) -> list[str]:
    """SOP Classes of all that is no film."""
    names = [orthanc.dataset(uid).SOPClassUID.name for uid in orthanc.uids()]
    return sorted(name for name in names if not name.startswith("Digital X-Ray"))


def wait_for(orthanc: Orthanc, count: int, node: RunningNode) -> None:
    def there() -> bool:
        assert node.process.poll() is None, node.log.read_text()[-3000:]
        return len(results(orthanc)) >= count

    wait_until(there, 300, f"{count} results do not come")


def test_films_come_from_all_sources_and_results_go_by_routes(tmp_path: Path, orthanc: Orthanc) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    today = datetime.now().strftime("%Y%m%d")
    orthanc.upload(films.file_bytes(films.film(1)))  # before the node knows this Orthanc
    with an_orthanc(tmp_path / "vna") as vna:
        more = f"""
[[sources]]
name = "archive"
kind = "orthanc"
url = "{orthanc.url}"
every_seconds = 0.2

[[sources]]
name = "vna"
kind = "qido"
url = "{vna.dicomweb_url}"
every_seconds = 0.2

[[sources]]
name = "scans"
kind = "folder"
folder = "{watched}"
every_seconds = 0.2

[[destinations]]
name = "web"
kind = "stow"
url = "{vna.dicomweb_url}"

[[routes]]
callers = ["vna"]
to = ["web"]

[[routes]]
age_below = 18
to = ["pacs", "web"]

[[routes]]
to = []
"""
        node = RunningNode(NodeFile(tmp_path / "node", destinations={"pacs": orthanc.dicom_port}, more=more))
        try:
            with open_store(str(node.file.folder / "hilum.db")) as store:
                wait_until(lambda: store.node_state.cursor("archive"))  # it knows this Orthanc
            orthanc.upload(films.file_bytes(films.film(2, age="004Y")))
            wait_for(orthanc, 2, node)
            wait_for(vna, 2, node)
            vna.upload(films.file_bytes(films.film(3, StudyDate=today)))
            wait_for(vna, 4, node)
            films.save(watched / "child.dcm", films.film(4, age="011M"))
            (watched / "bare.dcm").write_bytes(films.without_header(films.file_bytes(films.film(5, age="012Y"))))
            films.save(watched / "adult.dcm", films.film(6, age="071Y"))  # goes nowhere
            wait_for(orthanc, 6, node)
            wait_for(vna, 8, node)
            time.sleep(3)  # what came back by the sources is answered by nothing
            kinds = ["Comprehensive 3D SR Storage"], ["Secondary Capture Image Storage"]
            assert results(orthanc) == kinds[0] * 3 + kinds[1] * 3
            assert results(vna) == kinds[0] * 4 + kinds[1] * 4
            assert {path.name for path in (watched / "accepted").iterdir()} == {"child.dcm", "bare.dcm", "adult.dcm"}
            assert "source fails" not in node.log.read_text()
        finally:
            assert node.stop() == 0
