"""Certificates for tests of TLS, and a report to send."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.pacs.orthanc import require_programs
from tests.pacs.results_like import a_report


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two authorities, `ca` and `stranger`; `pacs` (at 127.0.0.1) and `node` are of the first."""
    require_programs(["openssl"])
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def new(name: str) -> list[str]:
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        return ["req", *kind, "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}"]

    for name in ("ca", "stranger"):
        openssl(*new(name), "-x509", "-out", f"{name}.pem", "-days", "2")
    for name, signer in (("pacs", "ca"), ("node", "ca"), ("other", "stranger")):
        openssl(*new(name), "-out", f"{name}.csr")
        (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1" if name == "pacs" else "")
        by = ["-CA", f"{signer}.pem", "-CAkey", f"{signer}.key", "-CAcreateserial", "-extfile", "extensions"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "2", *by)
    return folder


@pytest.fixture
def report(tmp_path: Path) -> Path:
    a_report(tmp_path / "report.dcm")
    return tmp_path / "report.dcm"
