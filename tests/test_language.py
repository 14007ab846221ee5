"""The code speaks the field's words: identifiers that had meanings of our own stay away, results are types."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT

SOURCE = ROOT / "src" / "hilum"
MODULES = sorted(SOURCE.rglob("*.py"))

# Words that meant several things, or nothing to a reader who knows scikit-learn, PyTorch and DICOM.
GONE = {
    "Beside", "Judge", "Learnt", "Others", "Pulls", "Said", "Taught", "Told", "beside", "bend", "choosing", "cost_of",
    "ended_with_a_line", "failings", "judge", "judge_of", "judged", "judges", "keeping", "looks", "said", "strangers",
    "tell_of", "thaw", "told", "_again_and_again", "_half_a_wave", "at_once",
}  # fmt: skip


def name_of(module: Path) -> str:
    return module.relative_to(SOURCE).as_posix()


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Every name that a module defines or gives a parameter, an attribute or a keyword."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield from name.split(".")


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_identifiers_are_the_fields_words(module: Path) -> None:
    used = {*identifiers(ast.parse(module.read_text("utf-8"))), *module.relative_to(SOURCE).with_suffix("").parts}
    assert not {name for name in used if name.strip("_") in {gone.strip("_") for gone in GONE}}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_public_function_returns_a_type(module: Path) -> None:
    """And no dictionary of anything."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and not node.name.startswith("_")
            and node.returns
        ):
            returned = ast.unparse(node.returns)
            assert "dict[str, Any]" not in returned, f"{node.name} -> {returned}"


def test_a_class_has_its_name_to_itself() -> None:
    places = defaultdict(set)
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(name_of(module))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}
