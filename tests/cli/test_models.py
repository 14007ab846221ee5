"""`hilum models`: the table, the same as JSON, and the page that shows it."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from hilum import models
from hilum.cli import main
from hilum.cli.models import _print
from hilum.errors import RecipeError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "architectures.md"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def listed() -> tuple[list[Row], list[models.ModelProfile]]:
    """What the command prints, and what the library worked out for it; that takes seconds, and is done once."""
    profiles, stdout, stderr = list(models.profile_models()), io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(models, "profile_models", lambda *arguments: iter(profiles))
        patch.setattr(sys, "argv", ["hilum", "models", "--json"])
        with pytest.raises(SystemExit, match="0"):
            main()
    assert stderr.getvalue().startswith("Next: hilum train")
    return json.loads(stdout.getvalue()), profiles


@pytest.fixture
def rows(listed: tuple[list[Row], list[models.ModelProfile]]) -> list[Row]:
    """As a program reads them."""
    return listed[0]


@pytest.fixture
def profiles(listed: tuple[list[Row], list[models.ModelProfile]]) -> list[models.ModelProfile]:
    return listed[1]


@pytest.fixture
def table(profiles: list[models.ModelProfile], capsys: pytest.CaptureFixture[str]) -> str:
    _print(profiles)
    return capsys.readouterr().out


def test_a_program_reads_what_the_library_works_out(rows: list[Row], profiles: list[models.ModelProfile]) -> None:
    assert json.loads(json.dumps([profile.to_dict() for profile in profiles])) == rows


def test_the_list_of_names_is_the_registrys() -> None:
    listed = models.list_models()
    assert [info.name for info in listed] == list(models.REGISTRY)
    assert "\nresnet18 " in repr(listed)


def test_every_architecture_has_a_row(rows: list[Row]) -> None:
    assert [row["name"] for row in rows][3:] == list(models.REGISTRY)


def test_the_studys_systems_are_as_it_builds_them(rows: list[Row]) -> None:
    s1, s2, s3 = rows[:3]
    assert [row["name"][:2] for row in (s1, s2, s3)] == ["S1", "S2", "S3"]
    assert (s1["keras_total"], s1["trainable"]) == (2_525_121, 2_524_033)
    assert (s2["keras_total"], s2["trainable"]) == (31_558_209, 16_843_521)
    assert (s3["input"], s3["outputs"]) == ([3, 224, 224], 2)


def test_a_row_says_what_a_recipe_can_name(rows: list[Row]) -> None:
    row = next(row for row in rows if row["name"] == "resnet50-paper")
    assert row["stages"] == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert row["attribution_layers"][-1] == "layer4.2"
    assert row["feature_shape"] == [2048, 7, 7]
    assert (row["input"], row["outputs"], row["head"]) == ([3, 224, 224], 1000, "default")
    assert row["published"] == {"million_parameters": 25.6, "billion_multiply_adds": 3.8}


def test_the_table_fits_a_terminal_of_120_columns(table: str) -> None:
    assert max(map(len, table.splitlines())) <= 120
    for name in models.REGISTRY:
        assert f"\n{name} " in table


def test_the_page_shows_what_the_command_prints(table: str) -> None:
    assert table.rstrip() in PAGE.read_text("utf-8"), (
        "docs/reference/architectures.md: put what `hilum models` prints there"
    )


def test_another_input_or_head_has_no_papers_figures_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(models.REGISTRY) - {"vgg11"}:
        monkeypatch.delitem(models.REGISTRY, name)
    monkeypatch.setattr("hilum.models.catalog.SYSTEMS", ())
    (row,) = (profile.to_dict() for profile in models.profile_models(64, 1, 3, "linear"))
    assert (row["input"], row["outputs"], row["head"], row["published"]) == ([1, 64, 64], 3, "linear", {})
    trunk = 9_220_480 - 2 * 9 * 64  # of three channels, of which one is left
    assert row["parameters"] == trunk + 3 * 513


def test_too_small_a_size_is_refused() -> None:
    with pytest.raises(RecipeError, match="takes sides of 32 pixels or more, not 16"):
        list(models.profile_models(16))
