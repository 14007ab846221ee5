"""Whose a bundle is: signed by a key that is trusted, or refused in one line."""

from __future__ import annotations

import base64
import json
import pickle
import shutil
import stat
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from hilum import bundle
from hilum.bundle import keys, signature
from hilum.bundle.int8 import add_forms
from hilum.bundle.record import seal_of
from hilum.errors import BundleError, RequestError
from hilum.inference import Detector
from tests.bundle.conftest import make


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private and a public key."""
    private = tmp_path_factory.mktemp("keys") / "anna"
    return private, keys.new_key(private)


@pytest.fixture
def signed(session_bundle: Path, tmp_path: Path, pair: tuple[Path, Path]) -> Path:
    folder = Path(shutil.copytree(session_bundle, tmp_path / "signed"))
    sign_with(folder, pair[0])
    return folder


def sign_with(folder: Path, private: Path) -> Path:
    return signature.sign(folder, bundle.read(folder).spec.seal, keys.read_private_key(private, never))


def never() -> str:
    raise AssertionError("nothing is asked for")


def change(folder: Path, **fields: object) -> None:
    """Change fields of the record, and seal it again."""
    record = {**json.loads((folder / "bundle.json").read_text()), **fields}
    (folder / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))


def test_a_signed_bundle_is_trusted_and_says_what_it_said(
    signed: Path, session_bundle: Path, pair: tuple[Path, Path]
) -> None:
    films = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    trusting = Detector(signed, trusted=pair[1])
    np.testing.assert_array_equal(trusting.probs(films), Detector(session_bundle).probs(films))
    assert bundle.read(signed).spec.seal == bundle.read(session_bundle).spec.seal  # it is signed, not changed


def test_the_signature_is_what_openssl_calls_one(signed: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Outside reference: `openssl pkeyutl` verifies it with the public key's file as it lies."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    record = json.loads((signed / "signature.json").read_text())
    (tmp_path / "message").write_bytes(b"hilum bundle seal 1\n" + record["seal"].encode())
    (tmp_path / "raw").write_bytes(base64.b64decode(record["signature"]))
    command: list[str | Path] = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        pair[1],
        "-rawin",
        "-in",
        tmp_path / "message",
    ]
    done = subprocess.run([*command, "-sigfile", tmp_path / "raw"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_trust_a_signature_changes_nothing(signed: Path) -> None:
    (signed / "signature.json").write_text("no signature at all")
    assert bundle.read(signed).spec.classes == ("NORMAL", "PNEUMONIA")


def test_an_unsigned_bundle_is_refused_where_trust_is_asked_for(
    session_bundle: Path, pair: tuple[Path, Path]
) -> None:
    with pytest.raises(BundleError, match=r"not signed, and only bundles signed by .*anna\.pub are trusted"):
        Detector(session_bundle, trusted=pair[1])


def test_another_key_is_not_trusted(signed: Path, tmp_path: Path) -> None:
    other = keys.new_key(tmp_path / "mallory")
    with pytest.raises(BundleError, match="signed by a key that is not trusted here"):
        bundle.read(signed, other)


def test_one_of_several_keys_in_a_folder_is_enough(signed: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "trusted").mkdir()
    with pytest.raises(RequestError, match="a folder without public keys"):
        bundle.read(signed, tmp_path / "trusted")
    keys.new_key(tmp_path / "trusted" / "berta")
    (tmp_path / "trusted" / "berta").unlink()
    with pytest.raises(BundleError, match="not trusted here"):
        bundle.read(signed, tmp_path / "trusted")
    shutil.copy(pair[1], tmp_path / "trusted" / "anna.pem")
    assert bundle.read(signed, tmp_path / "trusted").folder == signed


@pytest.mark.parametrize(
    "fields",
    [
        {"data_fingerprint": "0" * 64},
        {"metrics": {"auroc": {"value": 1.0}}},
        {"calibration": {"method": "temperature", "slope": 3.0}},
        {"conformal": {"coverage": 0.5, "thresholds": [0.1, 0.1], "films": [9, 9], "patients": [9, 9]}},
    ],
)
def test_what_is_changed_and_sealed_again_no_longer_has_the_signature(
    signed: Path, pair: tuple[Path, Path], fields: dict[str, object]
) -> None:
    change(signed, **fields)
    assert bundle.read(signed)  # anybody can seal
    with pytest.raises(BundleError, match="the signature is not of this bundle"):
        bundle.read(signed, pair[1])


def test_a_signature_of_another_bundle_does_not_hold(
    signed: Path, session_bundle: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = make(tmp_path / "other", seed=3).folder
    shutil.copy(signed / "signature.json", other)
    with pytest.raises(BundleError, match="the signature is not of this bundle"):
        bundle.read(other, pair[1])
    record = json.loads((other / "signature.json").read_text())
    seal = bundle.read(other).spec.seal
    (other / "signature.json").write_text(
        json.dumps({**record, "seal": seal})
    )  # what it says of itself counts for nothing
    with pytest.raises(BundleError, match="the signature is not of this bundle"):
        bundle.read(other, pair[1])


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"algorithm": "none"}', b"x" * 100_000, b'{"signature": 1}',
     b'{"algorithm": "Ed25519", "seal": "", "public_key": "?", "signature": "?"}',
     b'{"algorithm": "Ed25519", "seal": "", "public_key": "", "signature": ""}'],
)  # fmt: skip
def test_a_damaged_signature_is_one_line(signed: Path, pair: tuple[Path, Path], content: bytes) -> None:
    (signed / "signature.json").write_bytes(content)
    with pytest.raises(BundleError) as refused:
        bundle.read(signed, pair[1])
    assert "\n" not in str(refused.value)


def test_a_detector_that_is_sent_elsewhere_trusts_there_too(signed: Path, pair: tuple[Path, Path]) -> None:
    sent = pickle.dumps(Detector(signed, threads=1, trusted=pair[1]))
    assert pickle.loads(sent).classes == ("NORMAL", "PNEUMONIA")
    change(signed, data_fingerprint="0" * 64)
    with pytest.raises(BundleError, match="the signature is not of this bundle"):
        pickle.loads(sent)


def test_what_is_written_anew_is_not_signed(signed: Path, tmp_path: Path) -> None:
    again = add_forms(bundle.read(signed), tmp_path / "again", [])
    assert not (again.folder / "signature.json").exists()
    assert signature.is_signed(signed)


# ------------------------------------------------------------------------------------------- keys


def test_only_its_owner_reads_a_private_key(tmp_path: Path) -> None:
    public = keys.new_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert public == tmp_path / "key.pub"
    assert b"BEGIN PUBLIC KEY" in public.read_bytes()


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    keys.new_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(RequestError, match="a key is never replaced"):
        keys.new_key(tmp_path / "key")
    (tmp_path / "key").rename(tmp_path / "kept")
    with pytest.raises(RequestError, match=r"key\.pub: exists"):
        keys.new_key(tmp_path / "key")
    assert (tmp_path / "kept").read_bytes() == before


def test_a_passphrase_is_asked_for_where_the_key_has_one(tmp_path: Path) -> None:
    keys.new_key(tmp_path / "key", b"correct horse")
    assert keys.read_private_key(tmp_path / "key", lambda: "correct horse").sign(b"")
    for wrong in ("battery", ""):
        with pytest.raises(RequestError, match="cannot be opened with this passphrase"):
            keys.read_private_key(tmp_path / "key", partial(str, wrong))


def test_what_is_no_key_of_that_kind_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = pair
    with pytest.raises(RequestError, match="a public key, and bundles are signed with the private one"):
        keys.read_private_key(public, never)
    with pytest.raises(RequestError, match="a private key, which stays with whoever signs"):
        keys.read_public_keys(private)
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ec").write_bytes(
        other.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(RequestError, match="a key of another kind"):
        keys.read_private_key(tmp_path / "ec", never)
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    (tmp_path / "ssh.pub").write_bytes(
        raw.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    )
    for content in (None, b"", b"rubbish", b"\xff" * 100, b"-----BEGIN PUBLIC KEY-----\n", b"x" * 100_000):
        if content is not None:
            (tmp_path / "ssh.pub").write_bytes(content)
        with pytest.raises(RequestError) as refused:
            keys.read_public_keys(tmp_path / "ssh.pub")
        assert "\n" not in str(refused.value)
        with pytest.raises(RequestError):
            keys.read_private_key(tmp_path / "ssh.pub", never)
    with pytest.raises(RequestError, match="no such key"):
        keys.read_public_keys(tmp_path / "nowhere")
