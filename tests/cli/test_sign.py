"""`hilum sign`, and `--trusted` wherever a detector answers."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from hilum.bundle.record import seal_of
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder, WriteFilm


@pytest.fixture
def here(tmp_path: Path, tiny_bundle: Path, write_film: WriteFilm) -> Path:
    shutil.copytree(tiny_bundle, tmp_path / "mine")
    write_film(tmp_path / "film.png", seed=1)
    return tmp_path


def test_a_bundle_is_signed_trusted_and_no_longer_once_it_is_changed(here: Path, hilum: Hilum) -> None:
    made = hilum("sign", "--new-key", "anna")
    assert made.returncode == 0, made.stderr
    assert "anna.pub: the public key" in made.stderr
    assert "not signed" in refusal(hilum("predict", "mine", "film.png", "--trusted", "anna.pub"), 2)
    signed = hilum("sign", "mine", "--key", "anna")
    assert signed.returncode == 0, signed.stderr
    assert "mine/signature.json: signed" in signed.stderr
    trusted = hilum("predict", "mine", "film.png", "--trusted", "anna.pub", "--json")
    assert trusted.returncode == 0, trusted.stderr
    assert trusted.stdout == hilum("predict", "mine", "film.png", "--json").stdout
    record = json.loads((here / "mine" / "bundle.json").read_text())
    record["history"] = []
    (here / "mine" / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))
    assert hilum("predict", "mine", "film.png").returncode == 0
    line = refusal(hilum("predict", "mine", "film.png", "--trusted", "anna.pub"), 2)
    assert "the signature is not of this bundle" in line


def test_evaluate_and_explain_trust_too(here: Path, hilum: Hilum, chest_folder: ChestFolder) -> None:
    chest_folder({"test": {"normal": 2, "bacteria": 2}})
    hilum("sign", "--new-key", "anna")
    for words in (
        ("evaluate", "mine", "--data", "chest", "--out", "out"),
        ("explain", "mine", "film.png", "--out", "out"),
        ("predict", "mine", "film.png", "--out", "out.csv"),
    ):
        assert "not signed" in refusal(hilum(*words, "--trusted", "anna.pub"), 2)
    assert not (here / "out").exists()
    assert not (here / "out.csv").exists()
    hilum("sign", "mine", "--key", "anna")
    assert hilum("evaluate", "mine", "--data", "chest", "--out", "out", "--trusted", "anna.pub").returncode == 0


def test_nobody_signs_a_table(here: Path, hilum: Hilum, chest_folder: ChestFolder) -> None:
    chest_folder({"test": {"normal": 2, "bacteria": 2}})
    hilum("sign", "--new-key", "anna")
    (here / "theirs.csv").write_text("path,prob_NORMAL,prob_PNEUMONIA\nfilm.png,0.5,0.5\n")
    done = hilum("evaluate", "theirs.csv", "--data", "chest", "--out", "out", "--trusted", "anna.pub")
    assert "which nobody signs; omit --trusted" in refusal(done, 2)


def test_a_new_bundle_says_that_it_lost_its_signature(here: Path, hilum: Hilum) -> None:
    hilum("sign", "--new-key", "anna")
    hilum("sign", "mine", "--key", "anna")
    done = hilum("export", "mine", "--to", "onnx", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "out/bundle: not signed, as it was written anew; mine was: sign it again" in done.stderr
    assert not (here / "out" / "bundle" / "signature.json").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a bundle and a key"),
        (("mine",), "name a bundle and a key"),
        (("mine", "--new-key", "key"), "signs nothing"),
        (("mine", "--key", "nowhere"), "no such key"),
        (("nowhere", "--key", "film.png"), "not a bundle"),
        (("mine", "--key", "film.png"), "not a private key in PEM"),
        (("mine", "--key", "mine"), "a folder, and one key is needed"),
        (("mine", "--key", "film.png", "--passphrase"), "--passphrase goes with --new-key"),
        (("shipped", "--key", "film.png"), "needs no signature"),
        (("--new-key", "gone/anna"), "there is no such folder"),
    ],
)
def test_what_cannot_be_signed_is_one_line(here: Path, hilum: Hilum, words: tuple[str, ...], says: str) -> None:
    assert says in refusal(hilum("sign", *words), 2)


def test_a_passphrase_is_asked_for_or_a_line_of_stdin(
    here: Path, hilum: Hilum, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    typed("")
    assert "a passphrase is needed" in refusal(hilum("sign", "--new-key", "anna", "--passphrase"), 2)
    assert not (here / "anna").exists()
    typed("correct horse\n")
    assert hilum("sign", "--new-key", "anna", "--passphrase").returncode == 0
    typed("battery\n")
    assert "cannot be opened with this passphrase" in refusal(hilum("sign", "mine", "--key", "anna"), 2)
    assert not (here / "mine" / "signature.json").exists()
    typed("correct horse\n")
    assert hilum("sign", "mine", "--key", "anna").returncode == 0
    assert hilum("predict", "mine", "film.png", "--trusted", "anna.pub").returncode == 0


@pytest.mark.parametrize("bundle", ["mine", "shipped"])
def test_a_key_that_cannot_be_read_is_refused_whatever_the_bundle(here: Path, hilum: Hilum, bundle: str) -> None:
    """Also of the shipped bundle, which needs none: who names a key must not think that it was looked at."""
    hilum("sign", "--new-key", "anna")
    hilum("sign", "--new-key", "bert")
    hilum("sign", "mine", "--key", "anna")
    (here / "both.pub").write_bytes((here / "bert.pub").read_bytes() + (here / "anna.pub").read_bytes())
    (here / "empty").mkdir()
    for trusted, says in (
        ("gone.pub", "no such key; take the file KEY.pub of whoever signed"),
        ("anna", "a private key"),
        ("film.png", "not a public key in PEM"),
        ("empty", "a folder without public keys"),
        ("both.pub", "holds several keys; give each a file of its own"),
    ):
        assert says in refusal(hilum("predict", bundle, "film.png", "--trusted", trusted), 2)
    assert hilum("predict", bundle, "film.png", "--trusted", "anna.pub").returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_private_key_that_others_can_read_is_named(here: Path, hilum: Hilum) -> None:
    hilum("sign", "--new-key", "anna")
    assert "others can read" not in hilum("sign", "mine", "--key", "anna").stderr
    (here / "anna").chmod(0o644)
    assert "note: anna: others can read this private key" in hilum("sign", "mine", "--key", "anna").stderr
