"""What a film and a stranger say of persons: sent in with every outcome, and found in no log, metric, name or row.

It is in the films' own files and in the results, which belong to the patient's study, and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import Comprehensive3DSRStorage, SecondaryCaptureImageStorage  # type: ignore[attr-defined]

from hilum.pacs.identity import derived_uid
from hilum.store import open_store
from tests.pacs.films import DX, data_set, film
from tests.pacs.nodes import NodeFile, RunningNode
from tests.pacs.wire import Association, NotAssociatedError, store
from tests.ports import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = "1.2.826.0.1.3680043.10.424242"
CANARIES = ("canary", ROOT, "19420817", "4711-0815")
PERSONAL = {
    "PatientName": "CANARY^JANE",
    "PatientID": "CANARY-4711-0815",
    "PatientBirthDate": "19420817",
    "AccessionNumber": "CANARY-ACC",
    "ReferringPhysicianName": "CANARY^DOCTOR",
    "OperatorsName": "CANARY^OPERATOR",
    "InstitutionName": "CANARY HOSPITAL",
    "StationName": "CANARYSTATION",
    "StudyDescription": "CANARY STUDY",
}
STRANGER = "CANARY_AE"


def personal(number: int, **others: object) -> Dataset:
    uids = {f"{what}InstanceUID": UID(f"{ROOT}.{kind}.{number}") for kind, what in ((1, "Study"), (2, "Series"))}
    return film(number, **{**PERSONAL, **uids, "SOPInstanceUID": UID(f"{ROOT}.3.{number}"), **others})  # type: ignore[arg-type]


def found_in(content: bytes | str) -> list[str]:
    low = content.lower() if isinstance(content, str) else content.decode("latin-1").lower()
    return [each for each in CANARIES if each in low]


@pytest.fixture
def refusing() -> Iterator[tuple[int, list[str]]]:
    """A PACS that refuses what it is sent, and names the patient as it does; with what it was sent."""
    refused: list[str] = []

    def refuse(event: evt.Event) -> Dataset:
        refused.append(event.dataset.PatientName.family_name)
        status = Dataset()
        status.Status, status.ErrorComment = 0xA900, "CANARY JANE is unknown here"
        return status

    entity, port = AE("ORTHANC"), free_port()
    for sop_class in (Comprehensive3DSRStorage, SecondaryCaptureImageStorage):
        entity.add_supported_context(sop_class)
    entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, refuse)])
    yield port, refused
    entity.shutdown()


def test_identifiers_are_in_no_log_metric_name_or_row(tmp_path: Path, refusing: tuple[int, list[str]]) -> None:
    port, refused = refusing
    metrics = free_port()
    file = NodeFile(tmp_path / "node", destinations={"pacs": port, "down": free_port()})
    file.more = f"[metrics]\nport = {metrics}"
    node = RunningNode(file, command=[sys.executable, "-m", "hilum", "node", "--log", "json"])

    answered, cut = personal(1), data_set(personal(7))
    assert store(file.port, answered) == 0
    assert store(file.port, answered) == 0  # once more
    assert store(file.port, personal(1, pixels=99)) == 0  # the same UID, other pixels
    assert store(file.port, personal(2, view="LL")) == 0
    assert store(file.port, personal(3, BodyPartExamined="ABDOMEN")) == 0
    assert store(file.port, personal(4, SOPInstanceUID=UID(derived_uid("a result", "report")))) == 0
    assert store(file.port, personal(5, SOPInstanceUID=UID(f"{ROOT}.CANARY"))) != 0
    for broken in (cut[: len(cut) // 2], b"CANARY" + cut, b"", cut[:-100] + b"CANARY" * 10):
        with Association(file.port, [(DX, ExplicitVRLittleEndian)]) as association:
            association.store(DX, f"{ROOT}.3.{len(broken)}", ExplicitVRLittleEndian, broken)
    for called, calling in (("HILUM", STRANGER), (STRANGER, "TESTS")):
        with pytest.raises(NotAssociatedError):
            store(file.port, personal(6), called, calling)
    with Association(file.port, [(DX, ExplicitVRLittleEndian)]) as association:
        association.begin(1, DX, f"{ROOT}.3.8")  # and is gone in the midst of it

    with open_store(str(file.folder / "hilum.db")) as opened:
        wait_until(lambda: any(each.last_refused for each in opened.node_sendings.destinations()))
        wait_until(lambda: any(each.down_since for each in opened.node_sendings.destinations()))
        wait_until(lambda: not opened.node_films.backlog().films)
        assert set(opened.node_films.counts()) >= {"quarantined", "left alone", "ignored"}
    with urlopen(f"http://127.0.0.1:{metrics}/metrics") as reply:
        counted = reply.read()
    assert node.stop() == 0
    assert refused
    assert set(refused) == {"CANARY"}, "the results go back into the patient's study"

    log = node.log.read_text()
    for said in ("received", "answered", "quarantined", "left alone", "refused", "unreachable", "rejected"):
        assert said in log, said
    assert "Traceback" not in log
    assert found_in(log) == []
    assert b"hilum_node_films" in counted
    assert found_in(counted) == []
    paths = sorted(tmp_path.rglob("*"))
    assert found_in("\n".join(each.relative_to(tmp_path).as_posix() for each in paths)) == []
    for path in paths:
        if path.suffix != ".dcm" and path.is_file():
            assert found_in(path.read_bytes()) == [], path
    # The control: what a node keeps of films and results for as long as it has to does hold them.
    held = [dcmread(path, force=True) for path in paths if path.suffix == ".dcm"]
    assert any(each.get("PatientID") == PERSONAL["PatientID"] for each in held)
