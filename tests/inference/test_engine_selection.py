"""The fastest engine is measured once, kept for this machine and this bundle, and says what the others say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hilum import extras
from hilum.bundle import Bundle
from hilum.errors import BundleError
from hilum.inference import engine_selection, engines
from hilum.inference.engine_selection import select_engine
from tests.bundle.conftest import make

pytest.importorskip("openvino")

SPEEDS = {"onnx float32": 1.0, "openvino float32": 2.0, "openvino bfloat16": 3.0}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make(tmp_path_factory.mktemp("engines") / "bundle")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which candidates were timed; each with a speed of its own."""
    seen: list[str] = []

    def rate(engine: Any, *_: Any) -> float:
        seen.append(f"{engine.name} {engine.precision}")
        return SPEEDS[seen[-1]]

    monkeypatch.setattr(engine_selection, "_rate", rate)
    monkeypatch.setattr(engines, "cpu_capabilities", lambda: ["FP32", "BF16"])
    return seen


def test_the_fastest_is_taken(opened: Bundle, measured: list[str]) -> None:
    assert select_engine(opened, "auto", "auto", 1) == ("openvino", "bfloat16")
    assert set(measured) == set(SPEEDS)


def test_what_was_measured_is_kept(opened: Bundle, measured: list[str], tmp_path: Path) -> None:
    first = select_engine(opened, "auto", "auto", 1)
    (kept,) = json.loads((tmp_path / "cache" / "engines.json").read_text()).values()
    assert kept["films_per_second"] == SPEEDS
    measured.clear()
    assert select_engine(opened, "auto", "auto", 1) == first
    assert measured == []


@pytest.mark.parametrize("other", ["threads", "bundle", "processor", "version", "damaged"])
def test_another_situation_is_measured_anew(
    opened: Bundle, measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    select_engine(opened, "auto", "auto", 1)
    measured.clear()
    if other == "bundle":
        opened = make(tmp_path / "other", seed=1)
    elif other == "processor":
        monkeypatch.setattr(engine_selection, "processor_name", lambda: "another one")
    elif other == "version":
        monkeypatch.setattr(engine_selection, "version", lambda package: f"{package} 0")
    elif other == "damaged":
        (tmp_path / "cache" / "engines.json").write_text("{")
    select_engine(opened, "auto", "auto", 2 if other == "threads" else 1)
    assert measured


def test_a_name_is_a_name(opened: Bundle, measured: list[str]) -> None:
    assert select_engine(opened, "auto", "float32", 1) == ("openvino", "float32")
    assert select_engine(opened, "onnx", "auto", 1) == ("onnx", "float32")
    assert select_engine(opened, "auto", "bfloat16", 1) == ("openvino", "bfloat16")
    assert select_engine(opened, "onnx", "int8", 1) == ("onnx", "int8")  # which opening it refuses


def test_what_says_something_else_is_omitted(
    opened: Bundle, measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines.TOLERANCES, "bfloat16", 0.0)
    assert select_engine(opened, "auto", "auto", 1) == ("openvino", "float32")
    (kept,) = json.loads((tmp_path / "cache" / "engines.json").read_text()).values()
    assert kept["films_per_second"]["openvino bfloat16"] == 0
    assert "moves a probability by" in kept["omitted"]["openvino bfloat16"]
    monkeypatch.setitem(engines.TOLERANCES, "float32", -1.0)
    with pytest.raises(BundleError, match="no engine can compute it here"):
        select_engine(opened, "auto", "auto", 2)


def test_a_processor_without_bfloat16_is_not_asked_for_it(
    opened: Bundle, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "cpu_capabilities", lambda: ["FP32"])
    assert select_engine(opened, "auto", "auto", 1) == ("openvino", "float32")


def test_without_openvino_there_is_nothing_to_measure(
    opened: Bundle, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    monkeypatch.setattr(engine_selection, "installed_engines", engines.installed_engines)
    assert select_engine(opened, "auto", "auto", 1) == ("onnx", "float32")
    assert measured == []


def test_a_cache_that_cannot_be_written_stops_nobody(
    opened: Bundle, measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HILUM_CACHE", str(tmp_path / "file"))
    assert select_engine(opened, "auto", "auto", 1) == ("openvino", "bfloat16")


def test_speeds_are_really_measured(opened: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_selection, "_SECONDS", 0.01)
    choice = engine_selection.measure_engines(opened, [("onnx", "float32"), ("openvino", "float32")], 2)
    assert all(rate > 0 for rate in choice.films_per_second.values())
    assert f"{choice.engine} {choice.precision}" == max(
        choice.films_per_second, key=choice.films_per_second.__getitem__
    )
