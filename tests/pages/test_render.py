"""From a template to a whole page: framed, escaped, complete."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import jinja2
import pytest

from hilum.pages import render
from hilum.pages.render import unbroken

PAGE = """{% extends "frame.html" %}
{% block title %}{{ name }}{% endblock %}
{% block heading %}{{ name }}{% endblock %}
{% block main %}<p>{{ count | twice }}</p>{% endblock %}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    return path


def test_a_page_stands_in_the_frame_that_all_share(template: Path) -> None:
    page = render(template, {"twice": lambda number: 2 * number}, name="films", count=21)
    assert page.startswith("<!doctype html>")
    assert "<h1>films</h1>" in page
    assert "<p>42</p>" in page
    assert "not a medical device" in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace('http-equiv="', "")


def test_other_peoples_text_is_escaped(template: Path) -> None:
    page = render(template, {"twice": str}, name="<script>alert(1)</script>", count=1)
    assert "<script>" not in page


def test_what_acts_on_a_terminal_or_turns_the_text_is_written_out(template: Path) -> None:
    page = render(template, {"twice": str}, name="a\x1b[2J.png b\u202egpj.exe c\x07 d\udcff", count=1)
    assert r"a\x1b[2J.png b\u202egpj.exe c\x07 d\udcff" in page
    assert not [
        letter for letter in page if letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cf", "Cs")
    ]


def test_what_a_template_was_not_given_is_no_empty_string(template: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render(template, {"twice": str}, count=1)


def test_an_interval_is_not_divided_over_two_lines() -> None:
    words = unbroken("On <3> films an AUROC of 0.985 (0.975–0.993), and 0.9 (0.8–1.0).")
    assert words == (
        'On &lt;3&gt; films an AUROC of 0.985 <span class="whole">(0.975–0.993)</span>, and 0.9 '
        '<span class="whole">(0.8–1.0)</span>.'
    )


@pytest.mark.parametrize(("columns", "fits"), [(1, True), (5, True), (7, False)])
def test_a_table_of_few_columns_fits_a_phone(tmp_path: Path, columns: int, fits: bool) -> None:
    template = tmp_path / "page.html"
    template.write_text('{% from "parts.html" import wide_table %}{{ wide_table("Shift", columns, []) }}')
    page = render(template, dict.fromkeys(("number", "interval"), str), columns=["AUROC"] * columns)
    assert ('class="shift-table fits"' in page) is fits
