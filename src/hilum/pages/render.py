"""From a template to a whole page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hilum import __version__
from hilum.records.text import printable

_SHARED = Path(__file__).parent  # frame.html, which every page extends, and parts.html, which any page may import


def render(template: Path, filters: Mapping[str, Callable[..., Any]], **context: Any) -> str:
    """Render a template; the same context gives the same bytes.

    Args:
        template: a template that extends `frame.html`; it can include its neighbours and the files of this package.
        filters: the formatters, by their names in the template.
        context: the template's variables; file names, labels and errors in them are untrusted text, and are escaped.

    Raises:
        jinja2.UndefinedError: the template uses a variable that is not in the context.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _SHARED]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_without_controls,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"unbroken": unbroken, **filters})
    return environment.get_template(template.name).render(hilum=__version__, **context)


def _without_controls(value: object) -> object:
    """Text whose escapes and marks of direction are written out, as on a terminal; line feeds stay."""
    return "\n".join(map(printable, value.split("\n"))) if type(value) is str else value


def unbroken(text: str) -> Markup:
    """A sentence whose intervals, such as `(0.975–0.993)`, are never broken over two lines."""
    parts = re.split(r"(\([\d.]+–[\d.]+\))", text)  # every second one is an interval
    return Markup("").join(
        Markup('<span class="whole">{}</span>').format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )
