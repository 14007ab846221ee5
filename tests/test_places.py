"""Where the cache lies on each platform, and what other libraries are kept from before they are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hilum import places
from hilum.errors import RequestError
from hilum.places import cache_folder, confine_command, confine_libraries, is_writable


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "home/.cache/hilum"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/hilum"),
        ("darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/hilum"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/hilum"),
        ("win32", {}, "home/AppData/Local/hilum"),
        ("linux", {"HILUM_CACHE": "mine"}, "mine"),
        ("darwin", {"HILUM_CACHE": "~/mine"}, "home/mine"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variables: dict[str, str], folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "home")
    for name in ("HILUM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_a_user_without_a_home_folder_is_told_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: object = None) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("HILUM_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(RequestError, match="HILUM_CACHE=FOLDER"):
        cache_folder()


def test_a_folder_is_writable_where_it_or_what_it_would_lie_in_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert is_writable(tmp_path)
    assert is_writable(tmp_path / "new" / "folder")
    assert not is_writable(tmp_path / "file")
    assert not is_writable(tmp_path / "file" / "folder")


def test_what_a_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "OMP_NUM_THREADS")
    for name in names:
        monkeypatch.setenv(name, "mine")
    confine_command()
    assert {os.environ[name] for name in names} == {"mine"}


@pytest.mark.parametrize("limited", [True, False])
def test_thread_pools_keep_to_what_a_container_grants(monkeypatch: pytest.MonkeyPatch, limited: bool) -> None:
    monkeypatch.setattr(places, "is_limited", lambda: limited)
    monkeypatch.setattr(places, "processors", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    confine_libraries()
    assert os.environ.get("OMP_NUM_THREADS") == ("3" if limited else None)


def test_they_are_set_before_the_first_name_is_used(tmp_path: Path) -> None:
    asked = "os.environ['ORT_DISABLE_TELEMETRY'], hilum.train and os.environ['TORCHINDUCTOR_CACHE_DIR']"
    code = f"import hilum, os; print({asked})"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "TORCHIND"))}
    environment["HILUM_CACHE"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", str(tmp_path / "torchinductor")]
