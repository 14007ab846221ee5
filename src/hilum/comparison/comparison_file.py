"""`comparison.json`: a `Comparison` as a file."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from hilum.comparison.results import Comparison
from hilum.files import write_text


def as_json(comparison: Comparison) -> dict[str, object]:
    """The content of `comparison.json`, ready for `json.dumps`; what is not defined is None, never NaN."""
    content: dict[str, object] = msgspec.to_builtins(comparison, enc_hook=float)  # some numbers are numpy's
    return content


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write `comparison.json`; what is not defined is null, never NaN."""
    write_text(path, json.dumps(as_json(comparison), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
