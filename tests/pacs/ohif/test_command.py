"""`examples/orthanc/run`: what is missing is one line; all of it comes up, takes films in three ways, and ends."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.pacs.films import film, save
from tests.pacs.ohif.running import PLACES, RUN, Running, another_address, refusal, running, send
from tests.pacs.orthanc import require_orthanc, require_programs
from tests.ports import free_port

_open = build_opener(ProxyHandler({})).open


def test_the_command_is_a_program() -> None:
    assert RUN.stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(("missing", "package"), [("Orthanc", "orthanc"), ("nginx", "nginx")])
def test_a_missing_program_is_named_with_debians_package(
    missing: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command: Any = runpy.run_path(str(RUN))
    found = {"Orthanc": "/bin/true", "nginx": "/bin/true", "hilum": "/bin/true"} | {missing: None}
    monkeypatch.setattr(shutil, "which", lambda name, path=None: found[name])
    with pytest.raises(SystemExit, match=f"^run: there is no {missing}: apt-get install {package}$"):
        command["main"](["--folder", str(tmp_path / "all")])
    assert not (tmp_path / "all").exists()


def test_ohif_is_not_fetched_unless_asked(tmp_path: Path) -> None:
    require_programs_of_the_example()
    assert "OHIF is not here: --fetch-ohif lets npm fetch" in refusal(tmp_path / "all")


def test_another_tarball_is_not_taken_for_ohif(tmp_path: Path) -> None:
    require_programs_of_the_example()
    other = tmp_path / "ohif-app-3.13.2.tgz"
    other.write_bytes(b"not OHIF")
    assert "its SHA-256 is another one" in refusal(tmp_path / "all", "--ohif", str(other))
    assert "there is no file" in refusal(tmp_path / "all", "--ohif", str(tmp_path / "none.tgz"))
    assert not (tmp_path / "all" / "ohif").exists()


def test_a_taken_port_and_a_folder_in_use_are_named(tmp_path: Path) -> None:
    require_programs_of_the_example()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = ",".join(map(str, [port, free_port(), free_port(), free_port()]))
        line = refusal(tmp_path / "all", "--without-ohif", "--ports", ports)
    assert f"port {port} cannot be used" in line
    assert "without spaces" in refusal(tmp_path / "with space", "--without-ohif")


def require_programs_of_the_example() -> None:
    require_orthanc()
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("nginx is not installed")


@pytest.mark.slow
def test_films_by_storescu_dcmsend_and_orthancs_forwarding_have_their_results_in_the_study(
    example: Running, tmp_path: Path
) -> None:
    require_programs(["storescu", "dcmsend"])
    ways = {
        1: (["storescu"], example.orthanc_port, "ORTHANC"),  # which forwards it
        2: (["storescu"], example.node_port, "HILUM"),
        3: (["dcmsend"], example.node_port, "HILUM"),
    }
    for number, (program, port, called) in ways.items():
        send(program, port, called, save(tmp_path / f"{number}.dcm", film(number)))
    for number in ways:
        study = str(film(number).StudyInstanceUID)
        assert len(example.wait_for(study, "SR")) == 1
        assert len(example.wait_for(study, "OT")) == 1
    time.sleep(2)  # in which a loop would show
    assert example.json("/statistics")["CountInstances"] == 3 * 2 + 1, "results and the film that was sent to Orthanc"


@pytest.mark.slow
def test_nobody_else_is_let_in(example: Running, tmp_path: Path) -> None:
    require_programs(["storescu"])
    path = str(save(tmp_path / "film.dcm", film(5)))
    before = example.json("/statistics")["CountInstances"]
    for port, called in ((example.orthanc_port, "ORTHANC"), (example.node_port, "HILUM")):
        done = subprocess.run(
            ["storescu", "-aet", "OTHER", "-aec", called, "127.0.0.1", str(port), path], check=False
        )
        assert done.returncode != 0
    address = another_address()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address, example.node_port), 5)
    done = subprocess.run(
        ["storescu", "-aet", "FILMS", "-aec", "ORTHANC", address, str(example.orthanc_port), path], check=False
    )
    assert done.returncode != 0
    with pytest.raises(OSError, match="401"):
        _open(f"http://{address}:{example.ports[1]}/system", timeout=10)
    assert example.json("/statistics")["CountInstances"] == before


@pytest.mark.slow
def test_a_film_that_orthanc_could_not_forward_is_answered_when_the_node_is_back(
    detector: Path, tmp_path: Path
) -> None:
    require_programs(["storescu"])
    require_orthanc()
    options = ("--without-ohif", "--bundle", str(detector))
    with running(tmp_path / "all", *options) as before:
        pass
    settings = tmp_path / "all" / "settings" / "orthanc.json"
    with subprocess.Popen(
        [shutil.which("Orthanc", path=PLACES) or "", str(settings)], stderr=subprocess.DEVNULL
    ) as alone:
        while not before.is_up():
            assert alone.poll() is None
            time.sleep(0.1)
        send(["storescu"], before.orthanc_port, "ORTHANC", save(tmp_path / "missed.dcm", film(4)))
        alone.terminate()
    with running(tmp_path / "all", *options, ports=before.ports) as after:
        assert len(after.wait_for(str(film(4).StudyInstanceUID), "SR")) == 1
        assert "another one runs in" in refusal(tmp_path / "all", *options)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_all_of_it_ends(how: signal.Signals, detector: Path, tmp_path: Path) -> None:
    require_orthanc()
    example = Running(tmp_path / "all", "--without-ohif", "--bundle", str(detector))
    example.wait_until_up()
    children = example.children()
    assert len(children) == 2
    code = example.end(how)
    assert code == (-how if how == signal.SIGKILL else 0), example.logs()
    end = time.monotonic() + 100
    while any(Path(f"/proc/{each}").exists() for each in children.values()):
        assert time.monotonic() < end, children
        time.sleep(0.1)
    for port in example.ports:
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))


@pytest.mark.slow
def test_a_program_that_ends_by_itself_ends_the_others(detector: Path, tmp_path: Path) -> None:
    require_orthanc()
    example = Running(tmp_path / "all", "--without-ohif", "--bundle", str(detector))
    example.wait_until_up()
    children = example.children()
    orthanc = next(number for name, number in children.items() if name == "Orthanc")
    os.kill(orthanc, signal.SIGKILL)
    assert example.process.wait(200) == 1
    assert "orthanc has ended" in example.said()
    assert not any(Path(f"/proc/{each}").exists() for each in children.values())
