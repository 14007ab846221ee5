"""A real PACS for the tests: Debian's Orthanc with DICOMweb, on free ports of this machine, with nothing in it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pydicom
import pytest

from tests.ports import free_port

REQUIRED = "HILUM_REQUIRE_ORTHANC" in os.environ
_DICOMWEB = "libOrthancDicomWeb.so"
_PLUGIN_FOLDERS = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc/plugins"))
_FORWARD = """
function OnStoredInstance(instanceId, tags, metadata, origin)
  SendToModality(instanceId, '%s')
end
"""
_open = build_opener(ProxyHandler({})).open  # whatever proxy the environment names, this is one's own machine


@dataclass(frozen=True)
class Modality:
    """Somebody whom Orthanc may send to by DICOM.

    Attributes:
        ae_title: that it is called by.
        port: of it.
        host: likewise.
    """

    ae_title: str
    port: int
    host: str = "127.0.0.1"


class Orthanc:
    """An Orthanc in a folder of its own; it keeps its ports and what it stores over a stop and a start.

    Attributes:
        ae_title: that it is called by.
        dicom_port: for C-ECHO and C-STORE.
        http_port: for its REST API and DICOMweb.
        users: names and passwords; the first of them asks.
        settings: its configuration, which the next start reads.
    """

    def __init__(
        self,
        folder: Path,
        *,
        modalities: Mapping[str, Modality] | None = None,
        forward_to: str = "",
        lua: str = "",
        users: Mapping[str, str] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """Write its configuration; `start` starts it.

        Args:
            folder: that does not exist or is empty.
            modalities: by name; `add_modality` adds more while it runs.
            forward_to: the name of a modality that everything is sent to as soon as it is stored.
            lua: a script of one's own.
            users: names and passwords; without any it asks nobody who he is.
            settings: others of Orthanc's own, as in `/etc/orthanc/orthanc.json`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.ae_title, self.dicom_port, self.http_port = "ORTHANC", free_port(), free_port()
        self._folder, self.users = folder, dict(users or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._modalities: dict[str, list[object]] = {}
        for name, modality in (modalities or {}).items():
            self._modalities[name] = [modality.ae_title, modality.host, modality.port]
        script = lua or (_FORWARD % forward_to if forward_to else "")
        (folder / "script.lua").write_text(script, encoding="utf-8")
        self.settings: dict[str, object] = {
            "Name": "Test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "SyncStorageArea": False,
            "StoreMD5ForAttachments": False,
            "SaveJobs": False,
            "ConcurrentJobs": 2,
            "StableAge": 1,
            "LuaScripts": [str(folder / "script.lua")] if script else [],
            "Plugins": [str(_plugin())],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False, "StudiesMetadata": "Full"},
            "HttpPort": self.http_port,
            "HttpThreadsCount": 16,
            "OrthancExplorerEnabled": False,
            "WebDavEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self.users),
            "RegisteredUsers": self.users,
            "DicomAet": self.ae_title,
            "DicomPort": self.dicom_port,
            "DicomThreadsCount": 16,
            "DicomScpTimeout": 300,
            "DicomModalitiesInDatabase": False,
            "DicomModalities": self._modalities,
            "OverwriteInstances": False,
            "ExecuteLuaEnabled": False,
            "MetricsEnabled": False,
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """Of its REST API."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb_url(self) -> str:
        """The root of its DICOMweb server."""
        return f"{self.url}/dicom-web"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text("utf-8", "replace")

    @property
    def process(self) -> int:
        """Its number, while it runs."""
        assert self._process
        return self._process.pid

    def start(self, seconds: float = 30) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None
        configuration = self._folder / "orthanc.json"
        configuration.write_text(json.dumps(self.settings, indent=1), encoding="utf-8")
        with (self._folder / "log").open("ab") as log:
            command = [_program() or "Orthanc", str(configuration)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                self.ask("/system")
                socket.create_connection(("127.0.0.1", self.dicom_port), 1).close()
                return
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in good order; nothing happens where it does not run."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(kill=True)

    def empty(self) -> None:
        """Throw away all that it stores, and its changes: it starts to count them again, as a new one does."""
        running = self._process is not None
        self.kill()
        shutil.rmtree(self._folder / "storage", ignore_errors=True)
        if running:
            self.start()

    def ask(self, path: str, content: bytes | None = None, method: str = "", kind: str = "application/json") -> bytes:
        """Ask its REST API.

        Raises:
            OSError: it does not answer, or with an error.
        """
        request = Request(f"{self.url}{path}", content, {"Content-Type": kind}, method=method or None)
        for user, password in self.users.items():
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
            break
        with _open(request, timeout=30) as reply:
            return bytes(reply.read())

    def json(self, path: str) -> Any:
        """What its REST API answers, read."""
        return json.loads(self.ask(path))

    def add_modality(self, name: str, modality: Modality) -> None:
        """Let it send to somebody from now on, after the next start too."""
        self._modalities[name] = [modality.ae_title, modality.host, modality.port]
        entry = {"AET": modality.ae_title, "Host": modality.host, "Port": modality.port}
        self.ask(f"/modalities/{name}", json.dumps(entry).encode(), "PUT")

    def upload(self, *films: Path | bytes) -> list[str]:
        """Store DICOM files by the REST API; gives Orthanc's own ids of the instances."""
        contents = [film if isinstance(film, bytes) else film.read_bytes() for film in films]
        return [json.loads(self.ask("/instances", each, kind="application/dicom"))["ID"] for each in contents]

    def send(self, modality: str, *ids: str) -> None:
        """Have it send instances, by Orthanc's ids, to a modality by C-STORE, and wait until it has."""
        self.ask(f"/modalities/{modality}/store", json.dumps({"Resources": list(ids), "Synchronous": True}).encode())

    def uids(self, modality: str = "") -> list[str]:
        """SOP Instance UIDs of all that it stores, or of one modality such as `SR`, sorted."""
        query = {"Level": "Instance", "Expand": True, "Query": {"Modality": modality} if modality else {}}
        found = json.loads(self.ask("/tools/find", json.dumps(query).encode()))
        return sorted(each["MainDicomTags"]["SOPInstanceUID"] for each in found)

    def dataset(self, uid: str) -> pydicom.Dataset:
        """An instance that it stores, by its SOP Instance UID, whole."""
        return pydicom.dcmread(BytesIO(self.file(uid)))

    def file(self, uid: str) -> bytes:
        """An instance as DICOM's Part 10, by its SOP Instance UID."""
        (found,) = json.loads(self.ask("/tools/lookup", uid.encode(), kind="text/plain"))
        return self.ask(f"{found['Path']}/file")

    def wait_for(self, instances: int, modality: str = "", seconds: float = 60) -> list[str]:
        """Wait until it stores so many instances (of a modality); gives their UIDs."""
        end = time.monotonic() + seconds
        while len(found := self.uids(modality)) < instances:
            assert time.monotonic() < end, f"{len(found)} of {instances} after {seconds} s"
            time.sleep(0.05)
        return found

    def _end(self, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def an_orthanc(
    folder: Path,
    *,
    modalities: Mapping[str, Modality] | None = None,
    forward_to: str = "",
    lua: str = "",
    users: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Orthanc]:
    """An Orthanc that runs in this block, as `Orthanc` says; the test is skipped where there is none."""
    require_orthanc()
    orthanc = Orthanc(folder, modalities=modalities, forward_to=forward_to, lua=lua, users=users, settings=settings)
    orthanc.start()
    try:
        yield orthanc
    finally:
        orthanc.kill()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """An empty Orthanc of the test's own."""
    with an_orthanc(tmp_path / "orthanc") as running:
        yield running


def require_orthanc() -> None:
    """Skip the test where Orthanc or its DICOMweb is not installed, unless that is required."""
    if _program() is None or _plugin() is None:
        if REQUIRED:
            pytest.fail("Orthanc with DICOMweb is not installed, and these tests have to run with it")
        pytest.skip("Orthanc with DICOMweb is not installed")


def require_programs(programs: Sequence[str]) -> None:
    """Skip the test where a program of DCMTK, dicom3tools or GDCM is not installed, unless those are required."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and REQUIRED:
        pytest.fail(f"{missing} are not installed, and these tests have to run with them")
    if missing:
        pytest.skip(f"{missing} are not installed")


def _program() -> str | None:
    return shutil.which("Orthanc") or next((str(p) for p in [Path("/usr/sbin/Orthanc")] if p.is_file()), None)


def _plugin() -> Path | None:
    return next((folder / _DICOMWEB for folder in _PLUGIN_FOLDERS if (folder / _DICOMWEB).is_file()), None)
