"""`metrics.json`: an `Evaluation` as a file, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from hilum.errors import RequestError, reason_of
from hilum.evaluation.results import Evaluation
from hilum.files import read_regular, write_text

# What was not asked for, or does not exist for so many classes, is absent; anything else that is None is null.
_ABSENT_WHEN_NONE = (
    "recall", "average_precision", "auroc_delong", "per_class", "pairs", "at_prevalence", "shifted", "elsewhere",
    "familiar", "controls", "severity", "audit", "answered", "acquisition",
)  # fmt: skip


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """The content of `metrics.json`, ready for `json.dumps`; what is not defined is None, never NaN."""
    content: dict[str, object] = _in_order(_plain(evaluation), len(evaluation.classes))
    content["subgroups"] = {
        kind: {name: _in_order(_plain(group), len(evaluation.classes)) for name, group in groups.items()}
        for kind, groups in evaluation.subgroups.items()
    }
    if evaluation.acquisition is not None:
        content["acquisition"] = _plain(evaluation.acquisition) | {
            "groups": {
                name: _in_order(_plain(group), len(evaluation.classes))
                for name, group in evaluation.acquisition.groups.items()
            }
        }
    if evaluation.answered is not None:
        content["answered"] = _in_order(_plain(evaluation.answered), len(evaluation.classes))
    return content


def write_metrics(evaluation: Evaluation, path: Path) -> None:
    """Write `metrics.json`; what is not defined is null, never NaN."""
    write_text(path, json.dumps(as_json(evaluation), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_metrics(path: Path | str) -> Evaluation:
    """Read a `metrics.json` that this version or an earlier one wrote.

    Raises:
        RequestError: the file is missing, or is not what `hilum evaluate` writes; the line says what is wrong.
    """
    try:
        return msgspec.json.decode(read_regular(path), type=Evaluation)
    except (FileNotFoundError, NotADirectoryError):
        raise RequestError(f"{path}: no such file; hilum evaluate --out writes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(
            f"{path}: not written by this hilum evaluate ({reason_of(error)}); evaluate again"
        ) from None


def schema() -> str:
    """The JSON schema of `metrics.json`, as JSON text."""
    return json.dumps(msgspec.json.schema(Evaluation), indent=2, ensure_ascii=False) + "\n"


def _plain(result: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result, enc_hook=float)  # some numbers are numpy's
    return plain


def _in_order(values: dict[str, Any], classes: int) -> dict[str, object]:
    """The keys that are in the file, in the file's order, so that two files of one evaluation are the same bytes."""
    kept = {name: value for name, value in values.items() if value is not None or name not in _ABSENT_WHEN_NONE}
    if classes == 2:
        return kept
    # With more than two classes the file has had AUROC after the accuracies from the first version on.
    auroc = kept.pop("auroc")
    ordered = {}
    for name, value in kept.items():
        ordered[name] = value
        if name == "balanced_accuracy":
            ordered["auroc"] = auroc
    return ordered
