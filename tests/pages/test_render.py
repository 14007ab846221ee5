"""From a template to a whole page: framed, escaped, complete."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from hilum.pages import render

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


def test_what_a_template_was_not_given_is_no_empty_string(template: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render(template, {"twice": str}, count=1)
