"""The house keeps its order: who may import whom, what loads no torch, and how large a file may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.house import HOUSE, ROOMS, ROOT, SHARED, TORCH_HALF, WITH_TORCH, with_table

SOURCE = ROOT / "src" / "hilum"
MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(module: Path) -> str:
    return module.relative_to(SOURCE).as_posix()


def room_of(module: Path) -> str:
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


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


def is_ours(name: str) -> bool:
    """Whether `hilum.name` is a module or a package, and not a value such as `__version__`."""
    return (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()


def when_imported(module: Path) -> ast.Module:
    """A module's source without what runs later: functions, and what only a type checker reads."""
    tree = ast.parse(module.read_text("utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            node.body = []
    return tree


def test_every_room_is_in_the_table_and_none_else() -> None:
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert set(HOUSE) == rooms - {"__init__", "__main__"}


def test_data_goes_one_way() -> None:
    """No room imports one that imports it, however far apart; raises CycleError where one does."""
    order = TopologicalSorter({name: room.imports for name, room in HOUSE.items()}).static_order()
    assert set(order) == set(HOUSE)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    room = room_of(module)
    if room in ("__init__", "__main__"):
        return
    imported = {name[0] for name in imports(ast.parse(module.read_text("utf-8")), module)}
    allowed = HOUSE[room].imports | {room}
    if room not in SHARED:
        allowed |= SHARED.keys()
    if room == "bundle" and module.stem in TORCH_HALF:
        allowed |= {"models"}
    assert imported <= allowed


def test_modules_import_one_another_in_no_circle() -> None:
    """Not for a type checker either. That a module's package is imported before it is no import of the module's."""
    graph = {}
    for module in MODULES:
        dotted = module.relative_to(SOURCE).with_suffix("").parts
        graph[dotted] = set(modules_of(imports(ast.parse(module.read_text("utf-8")), module))) - {dotted}
    for dotted in [name for name in graph if name[0] in ("__init__", "__main__")]:
        del graph[dotted]  # the front door imports when it is asked for a name
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def modules_of(names: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The modules that hold the names: `pixels/decode` or `pixels/__init__`."""
    for name in names:
        for end in range(len(name), 0, -1):
            place = SOURCE.joinpath(*name[:end])
            if place.with_suffix(".py").is_file():
                yield name[:end]
                break
            if (place / "__init__.py").is_file():
                yield (*name[:end], "__init__")
                break


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) == "inference"], ids=name_of)
def test_inference_stays_away_from_the_torch_half_of_a_bundle(module: Path) -> None:
    for name in imports(ast.parse(module.read_text("utf-8")), module):
        assert name[0] != "bundle" or not set(name[1:]) & TORCH_HALF


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) == "cli"], ids=name_of)
def test_the_command_line_imports_rooms_only_inside_functions(module: Path) -> None:
    """`hilum --help` has to be there at once."""
    assert {name[0] for name in imports(when_imported(module), module)} <= SHARED.keys() | {"cli"}


def test_predicting_needs_no_torch() -> None:
    """Nor does any other room outside of training: each is imported in turn."""
    rooms = [*(room for room in ROOMS if room not in WITH_TORCH), "workflows", "cli"]
    code = (
        "import importlib, sys\n"
        f"for room in {rooms}:\n"
        "    importlib.import_module(f'hilum.{room}')\n"
        "    loaded = {'torch', 'lightning_fabric'} & set(sys.modules)\n"
        "    assert not loaded, f'{room} loads {loaded}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_contributing_shows_the_table() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert with_table(page) == page, "write it anew with: python -m tests.house"
    assert "| `pixels` |" in page


def test_no_room_is_called_utils() -> None:
    assert not [module for module in MODULES if "util" in module.stem or "utils" in module.parts]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_file_stays_readable(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 400
