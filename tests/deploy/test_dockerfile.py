"""The Dockerfile's steps in a Debian of their own: a film is answered over HTTP, without root and without torch."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, Request, build_opener, urlopen

import pytest

from tests.deploy.dockerfile import Stage, build
from tests.deploy.test_configurations import nginx_folder, program
from tests.house import ROOT
from tests.ports import free_port
from tests.service.conftest import png_of

pytestmark = pytest.mark.slow

MIRROR = "http://deb.debian.org/debian"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The last stage. `HILUM_DEBIAN` names a system that debootstrap has made before."""
    debootstrap = program("debootstrap")
    if os.getuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    work = tmp_path_factory.mktemp("image")
    if made := os.environ.get("HILUM_DEBIAN"):
        base = Path(made)
    else:
        base = work / "debian"
        words = [debootstrap, "--variant=minbase", "bookworm", str(base), MIRROR]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=1800)
    yield build(ROOT / "deploy" / "Dockerfile", ROOT, base, work)
    shutil.rmtree(work, ignore_errors=True)


@contextmanager
def running(image: Stage, *more: str) -> Iterator[int]:
    """The service in the image, until the block ends; its port."""
    port = free_port()
    words = [*image.entry, "serve", "--port", str(port), "--workers", "1", *more]
    with subprocess.Popen(
        image.command(words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield port
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0


def wait_until_ready(address: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            with urlopen(address, timeout=5) as reply:
                if reply.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail("the service was not ready within two minutes")


def wait_until_listening(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_it_runs_as_nobody_that_could_change_it_and_holds_no_torch(image: Stage) -> None:
    assert image.run(["id", "-u"]).stdout == "10001\n"
    assert image.run(["touch", "/opt/hilum/here"]).returncode != 0
    assert image.run(["/opt/hilum/bin/python", "-c", "import torch"]).returncode != 0
    assert image.run(["sh", "-c", "command -v gcc cc pip"]).stdout == ""


def test_a_service_without_people_refuses_to_listen_to_other_machines(image: Stage) -> None:
    refused = image.run([*image.entry, *image.arguments])
    assert refused.returncode == 2
    assert "add people first: hilum user add NAME" in refused.stderr


def test_it_would_start(image: Stage) -> None:
    checked = image.run([*image.entry, "serve", "--check"])
    assert checked.returncode == 0, checked.stderr
    assert "It would start." in checked.stderr


def test_a_film_is_answered_over_http(image: Stage) -> None:
    with running(image) as port:
        request = Request(f"http://127.0.0.1:{port}/v1/predictions", png_of(1, 256), {"Content-Type": "image/png"})
        with urlopen(request, timeout=60) as reply:
            (row,) = json.load(reply)["predictions"]
    assert row["answer"] in ("NORMAL", "PNEUMONIA", "not sure", "not judged")
    assert row["why"]


def test_people_sign_in_through_nginx_by_tls(image: Stage, tmp_path: Path) -> None:
    nginx = program("nginx")
    made = image.run([*image.entry, "user", "add", "ada", "--no-password"])
    assert made.returncode == 0, made.stderr
    token = image.run([*image.entry, "token", "add", "ada"]).stdout.split()[-1]
    trusting = ssl.create_default_context()
    with running(image, "--host-name", "films.example.org", "--https") as port:
        plain, tls = free_port(), free_port()
        main = nginx_folder(tmp_path, f"127.0.0.1:{port}", plain, tls)
        trusting.load_verify_locations(tmp_path / "tls" / "fullchain.pem")
        trusting.check_hostname = False
        opener = build_opener(HTTPSHandler(context=trusting))
        words = [nginx, "-p", str(tmp_path), "-c", str(main), "-g", "daemon off; user root;"]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as proxy:
            try:
                address = f"https://127.0.0.1:{tls}/v1/predictions"
                headers = {"Content-Type": "image/png", "Host": "films.example.org"}
                wait_until_listening(tls)
                with pytest.raises(HTTPError, match="401"):
                    opener.open(Request(address, png_of(2, 256), headers), timeout=60)
                headers["Authorization"] = f"Bearer {token}"
                with opener.open(Request(address, png_of(2, 256), headers), timeout=60) as reply:
                    assert reply.headers["Strict-Transport-Security"]
                    assert len(json.load(reply)["predictions"]) == 1
                with pytest.raises(HTTPError, match="404"):
                    opener.open(Request(f"https://127.0.0.1:{tls}/metrics", headers=headers), timeout=60)
            finally:
                proxy.terminate()
