"""A node's file: what it leaves out has its default, and every mistake is one line that names the key."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from msgspec import Struct, structs

from hilum.errors import RequestError
from hilum.pacs.settings import AllowedCaller, Destination, NodeSettings, Receive
from hilum.pacs.settings_file import example_text, parse_settings, read_settings

ORTHANC = Destination(name="orthanc", kind="c-store", port=4242, ae_title="ORTHANC")
WATCHED = "[[sources]]\nname = 's'\nkind = 'folder'\n"
CALLER = '[[receive.callers]]\nae_title = "XRAY1"\n'
START = CALLER + '[[destinations]]\nname = "a"\nkind = "c-store"\n'


def test_the_example_is_what_is_left_out_with_a_pacs_to_send_to() -> None:
    callers = (AllowedCaller(ae_title="ORTHANC"), AllowedCaller(ae_title="STORESCU"))
    expected = NodeSettings(receive=Receive(callers=callers), destinations=(ORTHANC,))
    assert parse_settings(example_text(), "example") == expected


def test_the_example_with_everything_on_is_read_too() -> None:
    settings = parse_settings(re.sub(r"(?m)^#(?! )", "", example_text()), "example")
    assert [each.kind for each in settings.sources] == ["orthanc", "qido", "folder"]
    assert [each.to for each in settings.routes] == [(), ("web",), ("orthanc",)]
    assert settings.receive is not None
    assert settings.receive.callers[-1].addresses == ("10.1.2.3", "10.1.3.0/24")


def structs_below(kind: object) -> set[type[Struct]]:
    """The tables of a node's file."""
    inner = {each for part in getattr(kind, "__args__", ()) for each in structs_below(part)}
    if isinstance(kind, type) and issubclass(kind, Struct):
        return {kind} | {each for field in structs.fields(kind) for each in structs_below(field.type)}
    return inner


def test_the_example_explains_every_key() -> None:
    for struct in structs_below(NodeSettings):
        for field in structs.fields(struct):
            assert re.search(rf"(?m)\b{field.name}( =|\]|\.)", example_text()), f"{struct.__name__}.{field.name}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[receive", "not a TOML file"),
        ("", r"no films could come: add the table \[receive\]"),
        ("[recieve]", r"unknown key 'recieve'; did you mean 'receive'\?"),
        (START + "[keep]\nfilm_hours = 1", r"unknown key 'keep.film_hours'; did you mean 'films_hours'\?"),
        ("[receive]\nae_titel = 'A'", r"unknown key 'receive.ae_titel'; did you mean 'ae_title'\?"),
        ("[receive]\nport = '104'", "receive.port: must be a whole number, and is text"),
        ("[receive]\nport = 65536", "receive.port: must be a whole number of at most 65535"),
        ("[receive]\nport = -1", "receive.port: must be a whole number of at least 0"),
        ("[receive]\nhost = 1.5", "receive.host: must be text in quotes, and is a number with a point"),
        ("[receive]\nhost = 2026-11-29", "receive.host: must be text in quotes, and is a date or a time"),
        ("receive = 3", "receive: must be a table, and is a number"),
        ("[receive.limits]\nassociations = 0", "receive.limits.associations: must be a whole number of at least 1"),
        ("[receive.limits]\nsilent_seconds = 0", "receive.limits.silent_seconds: must be a number above 0"),
        ("[receive.limits]\nsilent_seconds = inf", "receive.limits.silent_seconds: must be a finite number"),
        ("[receive.limits]\ninstance_mib = -1", "receive.limits.instance_mib: must be a whole number of at least 1"),
        ("[[receive.callers]]\naddresses = []", "the key 'receive.callers number 1.ae_title' is missing"),
        (
            "[[receive.callers]]\nae_title = 'A'\n[[receive.callers]]\nae_title = 2",
            "receive.callers number 2.ae_title: must be text in quotes, and is a number",
        ),
        ("[receive]\nae_title = 'A TITLE TOO LONG.'", "receive.ae_title: .* has 17 characters"),
        ("[receive]\nae_title = ' '", "receive.ae_title: is empty"),
        ("[receive]\nae_title = 'A\\B'", "receive.ae_title: .* no backslash"),
        ("[receive]\nae_title = 'RÖNTGEN'", "receive.ae_title: .* letters without accents"),
        ("[receive]\nae_title = 'A '", "receive.ae_title: 'A ' begins or ends with a space"),
        ("[receive]\nhost = 'node.example.org'", "receive.host: 'node.example.org' is no address of this machine's"),
        ("[receive]\nhost = '0.0.0.0'", r"receive: nobody may send; add \[\[receive.callers\]\]"),
        (
            "[[receive.callers]]\nae_title = 'A'\naddresses = ['10.1.2.0/33']",
            "receive.callers number 1.addresses: '10.1.2.0/33' is no address and no network",
        ),
        (
            "[[receive.callers]]\nae_title = 'A'\naddresses = ['10.1.2.3/24']",
            "'10.1.2.3/24' is no network, which begins at 10.1.2.0/24",
        ),
        ("[[receive.callers]]\nae_title = 'A'\naddresses = []", "it could call from nowhere"),
        ("[node]\nname = 'no de'\n" + START, "node.name: 'no de': names here have"),
        ("[node]\nstore = ''\n" + START, "node.store: is empty"),
        ("[node]\nshadow = 'yes'\n" + START, "node.shadow: must be true or false, and is text"),
        (CALLER, r"results would go nowhere: add \[\[destinations\]\], or set node.shadow = true"),
        (START + START.removeprefix(CALLER), "destinations: 'a' is there twice"),
        ("[[destinations]]\nname = 'a'\nkind = 'dimse'", "'dimse' is not known here; there are c-store, stow"),
        (CALLER + "[[destinations]]\nname = 'a'\nkind = 'stow'", "destinations number 1.url: is missing"),
        (START + "port = 0", "destinations number 1.port: must be a whole number of at least 1"),
        (START + "url = 'http://a'", "1.url: has no meaning for a destination of the kind"),
        (START + "host = 'a b'", "destinations number 1.host: 'a b' is neither an address nor a host's name"),
        (START + "host = '127.0.0.1'\nport = 11112", "destinations number 1: is this node itself"),
        (START + "seconds = 0", "destinations number 1.seconds: must be a number above 0"),
        (START + "ae_title = ''", "destinations number 1.ae_title: is empty"),
        (START + "[[routes]]\nto = ['b']", "routes number 1.to: there is no destination 'b'; destinations here: a"),
        (START + "[[routes]]\nto = ['a', 'a']", "routes number 1.to: 'a' is there twice"),
        (START + "[[routes]]\nto = 'a'", "routes number 1.to: must be a list, and is text"),
        (START + "[[routes]]\nto = ['a']\nage_from = 18\nage_below = 1", "no age is from 18 and below 1"),
        (
            START + "[[routes]]\nto = ['a']\ncallers = ['XRAY']",
            r"routes number 1.callers: no films come from 'XRAY'; did you mean 'XRAY1'\?",
        ),
        ("[[sources]]\nname = 'a'\nkind = 'folder'\n" + START, "sources number 1.folder: is missing"),
        ("[[sources]]\nname = 'a'\nkind = 'qido'\nurl = 'ftp://a'\n" + START, "sources number 1.url: no address"),
        ("[[sources]]\nname = 'a'\nkind = 'qido'\nurl = 'http://a:b@c'\n" + START, "names a user or a password"),
        (
            "[[sources]]\nname = 'a'\nkind = 'orthanc'\nurl = 'http://c'\nuser = 'b'\n" + START,
            "sources number 1: user and password_file belong together",
        ),
        (START + "[films]\nmodalities = ['MG']", "films.modalities: 'MG' holds no chest films .* CR, DX, RF, SC"),
        (START + "[films]\nmodalities = []", "films.modalities: is empty"),
        (START + "[metrics]\nport = 9090\nhost = 'here'", "metrics.host: 'here' is no address"),
        (START + "[alarm]\nwaiting_films = 0", "alarm.waiting_films: must be a whole number of at least 1"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(text: str, line: str) -> None:
    with pytest.raises(RequestError, match=line) as refused:
        parse_settings(text, "node.toml")
    said = str(refused.value)
    assert said.startswith("node.toml: ")
    assert not re.search(r"`|\b(int|str|float|bool|object|array|None)\b", said), said


def test_every_right_file_is_not_refused() -> None:
    assert parse_settings(START, "node.toml").destinations[0].name == "a"


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node.toml").write_text(START)
    monkeypatch.chdir("/")
    node = read_settings(tmp_path / "node.toml").node
    assert (node.bundle, node.store) == ("shipped", str(tmp_path / "hilum.db"))
    assert (node.folder, node.trusted) == (str(tmp_path / "hilum-node"), "")
    (tmp_path / "node.toml").write_text(
        "[node]\nstore = 'postgresql://hilum@db/hilum'\nfolder = '/srv/hilum'\n" + START
    )
    node = read_settings(tmp_path / "node.toml").node
    assert (node.store, node.folder) == ("postgresql://hilum@db/hilum", "/srv/hilum")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[node]\nbundle = 'none'\n" + START, "node.bundle: .*/none: no such folder"),
        ("[node]\ntrusted = 'none.pub'\n" + START, "node.trusted: .*/none.pub: no such file"),
        (WATCHED + "folder = 'none'\n" + START, "sources number 1.folder: .*: no such folder"),
        (WATCHED + "folder = 'there'\n[node]\nfolder = 'there'\n" + START, "own folder"),
        (
            START.replace("c-store", "stow") + "url = 'http://a'\nuser = 'b'\npassword_file = 'none'",
            "destinations number 1.password_file: .*/none: no such file",
        ),
        (START + "tls = { certificate = 'a', key = 'b', authorities = 'a' }", "tls.certificate: .*/a: no such file"),
        (
            START + "tls = { certificate = 'empty', key = 'empty', authorities = 'empty' }",
            "destinations number 1.tls: .*/empty: no certificates can be read there",
        ),
    ],
)
def test_a_file_that_is_not_there_is_named(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "node.toml").write_text(text)
    with pytest.raises(RequestError, match=line):
        read_settings(tmp_path / "node.toml")


def test_certificate_and_key_are_a_pair(tmp_path: Path) -> None:
    """As openssl makes them."""
    for name in ("one", "two"):
        made = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        subprocess.run(["openssl", *made.split()], cwd=tmp_path, check=True, capture_output=True)
    for key, good in (("one.key", True), ("two.key", False)):
        text = START + f"tls = {{ certificate = 'one.pem', key = '{key}', authorities = 'two.pem' }}"
        (tmp_path / "node.toml").write_text(text)
        if good:
            assert read_settings(tmp_path / "node.toml").destinations[0].tls
        else:
            with pytest.raises(RequestError, match=r"tls: .*one.pem and .*two.key are no certificate and its key"):
                read_settings(tmp_path / "node.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match="not a TOML file, which is UTF-8 text"):
        read_settings(tmp_path / "node.toml")
    (tmp_path / "node.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(RequestError, match="300,000 bytes, and a node's file has at most"):
        read_settings(tmp_path / "node.toml")
