"""The bundle that comes with Hilum is the one that the package names."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from hilum import bundle
from hilum.bundle import keys
from hilum.bundle.record import seal_of
from hilum.errors import BundleError


def test_the_package_names_the_seal_of_its_bundle() -> None:
    record = json.loads((bundle.SHIPPED / "bundle.json").read_text())
    assert seal_of(record) == record["seal"], "src/hilum/shipped was changed by hand: write it by `bundle.seal`"
    assert record["seal"] == bundle.SHIPPED_SEAL, (
        "src/hilum/shipped was written anew. Where that was meant, write its seal into src/hilum/bundle/pin.py:\n"
        f'SHIPPED_SEAL = "{record["seal"]}"'
    )


def test_another_bundle_in_its_place_is_refused(
    session_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(session_bundle, tmp_path / "shipped")
    monkeypatch.setattr(sys.modules["hilum.bundle.read"], "SHIPPED", tmp_path / "shipped")
    for named in ("shipped", tmp_path / "shipped", tmp_path / "x" / ".." / "shipped"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(BundleError, match="not the bundle that comes with this Hilum; install Hilum again"):
            bundle.read(named)


def test_it_needs_no_signature_here_or_in_a_copy(tmp_path: Path) -> None:
    public = keys.new_key(tmp_path / "key")
    assert bundle.read("shipped", public).spec.seal == bundle.SHIPPED_SEAL
    copy = shutil.copytree(bundle.SHIPPED, tmp_path / "copy")
    assert bundle.read(copy, public).spec.seal == bundle.SHIPPED_SEAL
    record = json.loads((copy / "bundle.json").read_text())
    record["operating_point"]["threshold"] = 0.0001
    (copy / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))
    with pytest.raises(BundleError, match="not signed"):
        bundle.read(copy, public)
    with pytest.raises(
        BundleError,
        match=r"golden\.json: was decided at the threshold 0\.696916847008884, and the bundle's is 0\.0001",
    ):
        bundle.read(copy)
