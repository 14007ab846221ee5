"""`hilum node`: what it prints, and what it refuses before it starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hilum.pacs.settings_file import example_text
from tests.cli.conftest import Hilum, hilum, hilum_process, refusal

__all__ = ["hilum", "hilum_process"]


def test_the_example_is_a_file_that_would_start(hilum: Hilum, tmp_path: Path) -> None:
    printed = hilum("node", "--example")
    assert printed.returncode == 0
    assert printed.stdout == example_text()
    (tmp_path / "node.toml").write_text(
        printed.stdout.replace("port = 11112", "port = 0").replace("port = 4242", "port = 1")
    )
    checked = hilum("node", "node.toml", "--check")
    assert checked.returncode == 0, checked.stderr
    made, asked, last = checked.stderr.splitlines()
    assert made == f"node.store: {tmp_path / 'hilum.db'} was not there; it is made now, and empty"
    assert asked.startswith("orthanc: not there now: 127.0.0.1:1 cannot be reached")
    assert last == "It would start."
    assert {each.name for each in tmp_path.iterdir()} == {"node.toml", "hilum.db", "hilum-node"}


def test_sources_are_asked_whether_they_are_there(hilum: Hilum, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    web = '[[sources]]\nname = "{0}"\nkind = "{0}"\nurl = "http://127.0.0.1:1"\n'
    folder = '[[sources]]\nname = "in"\nkind = "folder"\nfolder = "in"\n'
    (tmp_path / "node.toml").write_text(f"[node]\nshadow = true\n{web.format('orthanc')}{web.format('qido')}{folder}")
    checked = hilum("node", "node.toml", "--check")
    assert checked.returncode == 0, checked.stderr
    down = "not there now: http://127.0.0.1:1 cannot be reached: connection refused"
    assert checked.stderr.splitlines()[1:] == [
        f"source orthanc: {down}",
        f"source qido: {down}",
        "source in: answers",
        "It would start.",
    ]


def test_a_port_that_is_taken_is_one_line(hilum: Hilum, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "node.toml").write_text(example_text().replace("port = 11112", f"port = {port}"))
        line = refusal(hilum("node", "node.toml", "--check"), 2)
    assert line.startswith(f"hilum: 127.0.0.1:{port}: cannot listen there")
    assert "name another receive.host or receive.port" in line


def test_a_folder_that_is_a_file_is_one_line(hilum: Hilum, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(example_text().replace('"hilum-node"', '"node.toml"'))
    line = refusal(hilum("node", "node.toml", "--check"), 2)
    assert line.startswith(f"hilum: node.toml: node.folder: {tmp_path / 'node.toml'}: is no folder; name one")


def test_a_mistake_in_the_file_is_one_line(hilum: Hilum, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text("[receive]\nprt = 3")
    line = refusal(hilum("node", "node.toml"), 2)
    assert line == "hilum: node.toml: unknown key 'receive.prt'; did you mean 'port'?"


def test_no_file_is_one_line(hilum: Hilum) -> None:
    assert "hilum node --example > node.toml" in refusal(hilum("node"), 2)
    assert refusal(hilum("node", "nowhere.toml"), 2).startswith("hilum: nowhere.toml: ")


@pytest.mark.slow
def test_a_node_whose_port_is_taken_ends_with_one_line(hilum_process: Hilum, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "node.toml").write_text(example_text().replace("port = 11112", f"port = {port}"))
        line = refusal(hilum_process("node", "node.toml"), 2)
    assert line.startswith(f"hilum: receive: 127.0.0.1 port {port} cannot be listened on (Address already in use);")
