"""What lies in deploy/ is taken by the programs that it is for, and speaks of options that Hilum has."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from tests.deploy.dockerfile import steps
from tests.house import ROOT

DEPLOY = ROOT / "deploy"
REQUIRED = "HILUM_REQUIRE_DEPLOY" in os.environ


def program(name: str) -> str:
    """Where a program lies; without it the test is skipped, or fails where it has to run."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        if REQUIRED:
            pytest.fail(f"{name} is not installed, and this test has to run")
        pytest.skip(f"{name} is not installed")
    return found


def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / "hilum.service"
    text = (DEPLOY / "hilum.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/hilum/bin/hilum", "/bin/true"))
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    words = [analyze, "security", "--offline=true", "--threshold=20", str(unit)]
    secure = subprocess.run(words, capture_output=True, text=True, check=False)
    assert secure.returncode == 0, secure.stdout[-500:]  # an exposure of 2.0 at most, of 10


def write_certificate(folder: Path, name: str) -> Path:
    """A certificate that signs itself, and its key, as nginx takes them."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, kind, none))
    return folder


def nginx_folder(folder: Path, upstream: str = "127.0.0.1:8000", http: int = 8080, https: int = 8443) -> Path:
    """A folder that nginx can run in without being root, with the configuration of deploy/; its nginx.conf."""
    write_certificate(folder / "tls", "films.example.org")
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in (
        ("hilum:8000", upstream),
        ("/etc/hilum/tls", str(folder / "tls")),
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{https} ssl;"),
    ):
        assert old in site
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    main = folder / "main.conf"
    main.write_text(
        f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n"
    )
    return main


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    words = [program("nginx"), "-t", "-p", str(tmp_path), "-c", str(nginx_folder(tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def served() -> Iterator[tuple[str, list[str]]]:
    """Every call of `hilum serve` in deploy/."""
    unit = re.search(r"^ExecStart=(\S+) (.+)$", (DEPLOY / "hilum.service").read_text("utf-8"), re.MULTILINE)
    assert unit is not None
    yield "hilum.service", shlex.split(unit[2])
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    command = re.search(r"    command:\n((?:      - .+\n)+)", compose)
    assert command is not None
    yield "compose.yaml", [line.removeprefix("      - ") for line in command[1].splitlines()]
    arguments = [words for name, words in steps((DEPLOY / "Dockerfile").read_text("utf-8")) if name == "CMD"]
    yield "Dockerfile", shlex.split(arguments[-1].translate(str.maketrans(",[]", "   ")))


@pytest.mark.parametrize(("name", "words"), list(served()), ids=lambda each: each if isinstance(each, str) else "")
def test_the_options_are_those_of_serve(name: str, words: list[str]) -> None:
    from hilum.cli import app, serve  # noqa: F401  (adds its verb)

    assert words[0] == "serve"
    command = typer.main.get_command(app)
    context = command.commands["serve"].make_context("serve", words[1:])  # type: ignore[attr-defined]
    assert context.params["https"]


def test_the_last_stage_runs_as_somebody_without_rights_and_has_nothing_that_compiles() -> None:
    last = "".join((DEPLOY / "Dockerfile").read_text("utf-8").partition("\nFROM ")[2].partition("\nFROM ")[2])
    names = [name for name, _ in steps(last)]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "USER 10001" in last
    assert "pip" not in last
    assert "venv" not in last
