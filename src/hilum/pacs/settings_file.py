"""Reading a node's TOML file: what is wrong with it is one line, and nothing is guessed.

Paths in the file are relative to the folder that it lies in, wherever the node is started.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from hilum.errors import RequestError
from hilum.files import read_regular
from hilum.pacs.settings import NodeSettings
from hilum.pacs.settings_checks import problem_of
from hilum.pacs.settings_paths import resolved, unreadable_file
from hilum.recipe.toml_files import TomlFile

_LARGEST = 256 << 10  # bytes; larger ones take a parser minutes
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_GIVEN = {**_KINDS, "float": "a number with a point", "str": "text", "int": "a number"}
_SIGNS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


def read_settings(path: Path) -> NodeSettings:
    """A node's settings, with every path resolved and every file that they name there.

    Raises:
        RequestError: the file is not TOML, says something that cannot be, or names a file that is not there; the
            line names the key.
        OSError: the file cannot be read.
    """
    content = read_regular(path)
    if len(content) > _LARGEST:
        raise RequestError(f"{path}: {len(content):,} bytes, and a node's file has at most {_LARGEST:,}")
    try:
        text = content.decode("utf-8-sig")  # as some editors write it
    except UnicodeDecodeError:
        raise _FILES.not_text(str(path)) from None
    settings = resolved(parse_settings(text, str(path)), path.absolute().parent)
    if missing := unreadable_file(settings):
        raise RequestError(f"{path}: {missing}")
    return settings


def parse_settings(text: str, source: str) -> NodeSettings:
    """A node's settings as they are written; no file that they name is looked at.

    >>> parse_settings("[receive]\\nport = 70000", "node.toml")
    Traceback (most recent call last):
    ...
    hilum.errors.RequestError: node.toml: receive.port: must be a whole number of at most 65535

    Args:
        text: TOML.
        source: names it in a refusal.

    Raises:
        RequestError: it is not TOML, or says something that cannot be; the line names the key.
    """
    settings = _FILES.read(text, source)
    if problem := problem_of(settings):
        raise RequestError(f"{source}: {problem}")
    return settings


def example_text() -> str:
    """A node's file with every key, explained: those that are on have their defaults, with a PACS to send to."""
    return (files("hilum.pacs") / "example.toml").read_text(encoding="utf-8")


def _in_words(reason: str) -> str:
    """A refusal without the words of a programming language; entries of a list are counted from the first one."""
    reason = re.sub(r"\[(\d+)\]", lambda found: f" number {int(found[1]) + 1}", reason)
    reason = re.sub(r"Invalid enum value (.*); there are", r"\1 is not known here; there are", reason)
    wrong = re.compile(r"Expected `([\w |]+)`(?:, got `(\w+)`| (>=|<=|>|<) (\S+))")
    return wrong.sub(_expected, reason)


def _expected(found: re.Match[str]) -> str:
    kind = _KINDS.get(found[1].partition(" ")[0], found[1])  # of "object | null" the first
    if found[2]:
        return f"must be {kind}, and is {_GIVEN.get(found[2], 'a date or a time')}"
    return f"must be {kind} {_SIGNS[found[3]]} {found[4]}"


_FILES = TomlFile(NodeSettings, "a node's file", in_words=_in_words)
