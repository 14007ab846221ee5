"""The house keeps its order: who may import whom, what loads no torch, and how large a room may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hilum"
MODULES = sorted(SOURCE.rglob("*.py"))

LEAVES = {
    "errors",
    "extras",
    "records",
    "recipe",
    "files",
    "rows",
    "history",
    "machine",
    "progress",
    "workers",
    "pages",
}  # everybody may import them
MAY_IMPORT: dict[str, set[str]] = {
    "pixels": set(),
    "models": set(),
    "weights": {"models"},
    "metrics": set(),
    "confidence": {"metrics"},
    "films": {"pixels"},
    "gate": set(),
    "shifts": {"pixels"},
    "auditing": {"films", "pixels", "metrics"},
    "batches": {"films", "pixels"},
    "bundle": {"confidence", "gate", "metrics", "pixels"},
    "features": {"batches", "models", "pixels"},
    "training": {"batches", "models", "metrics", "bundle", "shifts"},
    "inference": {"pixels", "confidence", "gate", "bundle", "classical"},
    "evaluation": {"bundle", "confidence", "gate", "inference", "metrics", "pixels", "shifts"},
    "comparison": {"metrics"},
    "tuning": set(),
    "explanation": {"pixels"},
    "classical": {"bundle", "confidence", "films", "gate", "pixels"},
    "service": {"inference", "explanation"},
    "pacs": {"inference", "explanation"},
}
# The half of `bundle` that needs torch, and so may know the models. Inference stays away from it.
TORCH_HALF = {"network_payload", "weights", "onnx_export", "quantise"}
WITHOUT_TORCH = (
    "films", "pixels", "shifts", "metrics", "confidence", "auditing", "classical", "gate", "inference", "evaluation",
    "comparison", "tuning", "pages", "service", "pacs", "cli",
)  # fmt: skip


def name_of(module: Path) -> str:
    return module.relative_to(SOURCE).as_posix()


def imports(tree: ast.AST, module: Path) -> Iterator[tuple[str, ...]]:
    """What of ours a piece of source imports, as names below `hilum`: ("pixels", "decode")."""
    package = ("hilum", *module.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            parts = (*base, *(node.module.split(".") if node.module else ()))
            names = [(*parts, alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == "hilum" and len(name) > 1 and is_ours(name[1]):
                yield name[1:]


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The same without what only the type checker reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


def is_ours(name: str) -> bool:
    """Whether `hilum.name` is a module or a package, and not a value such as `__version__`."""
    return (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    room = module.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room in ("cli", "workflows", "__main__"):
        return
    tree = ast.parse(module.read_text("utf-8"))
    if room == "__init__":  # lazy: it names every room to the type checker, and imports none
        tree = without_type_checking(tree)
    imported = {name[0] for name in imports(tree, module)}
    if room == "__init__":
        assert not imported
    elif room in LEAVES:
        assert imported <= LEAVES
    else:
        allowed = MAY_IMPORT[room] | {room} | LEAVES
        if room == "bundle" and module.stem in TORCH_HALF:
            allowed = allowed | {"models"}
        assert imported <= allowed


@pytest.mark.parametrize("module", [module for module in MODULES if module.parent.name == "inference"], ids=name_of)
def test_inference_stays_away_from_the_torch_half_of_a_bundle(module: Path) -> None:
    for name in imports(ast.parse(module.read_text("utf-8")), module):
        assert name[0] != "bundle" or not set(name[1:]) & TORCH_HALF


@pytest.mark.parametrize("module", [module for module in MODULES if "cli" in module.parts], ids=name_of)
def test_the_command_line_imports_rooms_only_inside_functions(module: Path) -> None:
    """`hilum --help` has to be there at once."""
    tree = ast.parse(module.read_text("utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            node.body = []
    assert {name[0] for name in imports(tree, module)} <= LEAVES | {"cli"}


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_predicting_needs_no_torch(room: str) -> None:
    if not (SOURCE / room / "__init__.py").is_file():
        pytest.skip(f"hilum.{room} is not built yet")
    code = f"import sys, hilum.{room}; print(sorted({{'torch', 'lightning_fabric'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_no_room_is_called_utils() -> None:
    assert not [module for module in MODULES if "util" in module.stem or "utils" in module.parts]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_file_stays_readable(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 400
