"""Certificates of a node's own that are over, or soon will be, are named before nobody gets in any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prometheus_client.parser import text_string_to_metric_families

from hilum.pacs.certificates import shown_certificates
from hilum.pacs.metrics import NodeMetrics
from hilum.pacs.settings import NodeSettings
from hilum.pacs.settings_file import read_settings
from hilum.store import open_store

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
FILE = """
[node]
shadow = true
[receive]
tls = { certificate = "node.pem", key = "node.key", authorities = "node.pem" }
callers = [{ ae_title = "CR1" }]
[[destinations]]
name = "archive"
kind = "c-store"
tls = { certificate = "node.pem", key = "node.key", authorities = "node.pem" }
"""


def settings_with(folder: Path, begins: datetime, ends: datetime) -> NodeSettings:
    """A node's settings with a certificate by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=node")
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begins).not_valid_after(ends)
    (folder / "node.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "node.key").write_bytes(private)
    (folder / "node.toml").write_text(FILE)
    return read_settings(folder / "node.toml")


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (-400, -30, "our certificate has expired on 2026-05-16; put a new one in its place"),
        (-300, 10, "our certificate expires on 2026-06-25; put a new one in its place before"),
        (2, 300, "our certificate is not valid before 2026-06-17; is the clock right?"),
        (-300, 65, ""),
    ],
)
def test_a_certificate_that_is_over_is_named(tmp_path: Path, begins: int, ends: int, said: str) -> None:
    settings = settings_with(tmp_path, NOW + timedelta(days=begins), NOW + timedelta(days=ends))
    found = [each.trouble(NOW) for each in shown_certificates(settings)]
    assert found == ([f"receive: {said}", f"archive: {said}"] if said else ["", ""])


def test_how_long_they_last_is_among_the_metrics(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    settings = settings_with(tmp_path, now - timedelta(days=9), now - timedelta(days=2))
    with open_store(str(tmp_path / "hilum.db")) as store:
        metrics = NodeMetrics(store)
        metrics.watch_certificates(shown_certificates(settings))
        families = text_string_to_metric_families(metrics.text().decode())
        (ends,) = (each for each in families if each.name == "hilum_node_certificate_seconds")
    assert {each.labels["where"]: round(each.value / 86400) for each in ends.samples} == {
        "receive": -2,
        "archive": -2,
    }
