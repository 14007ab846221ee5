"""From a template to a whole page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hilum import __version__

_SHARED = Path(__file__).parent  # frame.html, which every page extends; parts.html, which any may take from


def render(template: Path, filters: Mapping[str, Callable[..., Any]], **context: Any) -> str:
    """Fill a template in; the same context gives the same bytes.

    Args:
        template: extends `frame.html`; it finds its neighbours, and what this folder holds.
        filters: what the template calls its formatters.
        context: what it shows; file names, labels and errors in it are other people's text, and are escaped.

    Raises:
        jinja2.UndefinedError: the template shows what it was not given.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _SHARED]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"unbroken": unbroken, **filters})
    return environment.get_template(template.name).render(hilum=__version__, **context)


def unbroken(text: str) -> Markup:
    """A sentence whose intervals, `(0.975–0.993)`, no narrow screen divides over two lines."""
    parts = re.split(r"(\([\d.]+–[\d.]+\))", text)  # every second one is an interval
    return Markup("").join(
        Markup('<span class="whole">{}</span>').format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )
