"""The documents hold: their code runs, their links lead somewhere, and nothing public is undocumented."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
import typer
from benchmarks import agreement
from msgspec import Struct

import hilum
from tests.cli.conftest import Hilum
from tests.cli.conftest import hilum as hilum_command  # noqa: F401  (a fixture)
from tests.conftest import ChestFolder, WriteFilm

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
PAGES = [page for page in PAGES if "_generated" not in page.parts]
TUTORIALS = sorted((DOCS / "tutorials").glob("*.ipynb"))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def reference_pages() -> ModuleType:
    """What generates the reference at every build of the site."""
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "_ext" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference_pages"] = module
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------- README, links


def test_the_readme_is_a_page_to_start_from() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def prose(page: Path) -> str:
    """A page's text, without its blocks of code; of a notebook the Markdown cells."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text("utf-8"))["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=name_of)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    text = prose(page)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<a href="([^"]+)"', text)
    for target in targets:
        if re.match(r"https?:|#", target) or "_generated/" in target:
            continue
        # What is copied beside the built pages is linked to from there.
        places = (page.parent, DOCS, page.parent.parent) if target.endswith(".html") else (page.parent,)
        assert any((place / target.partition("#")[0]).exists() for place in places), f"{name_of(page)}: {target}"


def test_every_page_of_the_site_is_in_its_table_of_contents() -> None:
    listed = set(re.findall(r"^([\w/-]+)$", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE))
    there = {path.relative_to(DOCS).with_suffix("").as_posix() for path in [*PAGES[3:], *TUTORIALS]}
    assert there - listed == {"index"}


# ------------------------------------------------------------------------------------------- code that is shown


def shell_lines(page: Path) -> Iterator[list[str]]:
    """The words of every `hilum` command in a page's shell blocks, without assignments and redirections."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.replace("…", "X"), comments=True)
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words = words[1:]
            if words and words[0] == "hilum":
                yield words[1 : words.index(">") if ">" in words else None]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_are_shown_are_understood(page: Path, reference_pages: ModuleType) -> None:
    reference_pages.commands()  # imports every verb
    from hilum.cli import app

    for words in shell_lines(page):
        command: Any = typer.main.get_command(app)
        rest = words
        while getattr(command, "commands", None) and rest and rest[0] in command.commands:
            command, rest = command.commands[rest[0]], rest[1:]
        assert command.name != "hilum" or rest in (["--version"], []), f"{name_of(page)}: no such verb: {words}"
        command.make_context(words[0], list(rest))  # a wrong option or a missing argument raises


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=name_of)
def test_python_that_is_shown_is_python(page: Path) -> None:
    for block in cells(page) if page.suffix == ".ipynb" else blocks(page, "python"):
        compile(block, name_of(page), "exec")


@pytest.fixture
def workplace(
    tmp_path: Path, chest_folder: ChestFolder, write_film: WriteFilm, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with what the README speaks of: `chest_xray` and `film.png`."""
    chest_folder({"train": {"normal": 16, "bacteria": 16}, "val": {"normal": 12, "bacteria": 12}}, name="chest_xray")
    write_film(tmp_path / "film.png", seed=9)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_readme_runs(workplace: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), names)
    assert names["predictions"].to_dicts()[0]["path"] == "film.png"
    assert 0 <= names["evaluation"].auroc.value <= 1
    assert (workplace / names["run"].bundle / "bundle.json").exists()


def test_commands_of_the_readme_run(workplace: Path, hilum_command: Hilum) -> None:  # noqa: F811
    run = [words for words in shell_lines(ROOT / "README.md") if words[0] in ("predict", "recipes", "audit")]
    assert len(run) == 3
    for words in run:
        done = hilum_command(*words)
        assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------- tutorials


def cells(notebook: Path) -> list[str]:
    """A notebook's code, cell by cell."""
    found = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


def test_tutorials_are_kept_without_outputs() -> None:
    assert [path.stem for path in TUTORIALS] == ["adults", "audit", "predict-and-explain", "train-and-evaluate"]
    for notebook in TUTORIALS:
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            assert not cell.get("outputs"), notebook.name
            assert cell.get("execution_count") is None, notebook.name


@pytest.mark.slow  # as `make docs` does, cell by cell
@pytest.mark.parametrize("notebook", TUTORIALS, ids=name_of)
def test_tutorials_run(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code in cells(notebook):
            exec(compile(code, notebook.name, "exec"), names)


# ------------------------------------------------------------------------------------------- the reference


def test_every_verb_and_option_is_documented(reference_pages: ModuleType) -> None:
    page = reference_pages.cli_page()
    told = "\n".join(path.read_text("utf-8") for path in [*PAGES, *TUTORIALS])
    for name, verb in reference_pages.commands().items():
        assert f"## hilum {name}\n" in page
        assert f"hilum {name}" in told, f"no page shows hilum {name}"
        for parameter in reference_pages.parameters(verb):
            assert parameter.help, f"hilum {name}: {parameter.flags or parameter.shown}"
            for flag in parameter.flags:
                assert f"`{flag}`" in page


def test_a_verb_with_an_undocumented_option_is_found(
    reference_pages: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verb(out: Annotated[Path, typer.Option("--out")] = Path("x")) -> None:
        """Do something."""

    monkeypatch.setattr(reference_pages, "commands", lambda: {"verb": verb})
    with pytest.raises(KeyError, match="--out"):
        reference_pages.cli_page()


def test_every_recipe_key_is_documented(reference_pages: ModuleType) -> None:
    page = reference_pages.recipe_page()
    keys = [key for key, _, _ in reference_pages.recipe_keys()]
    assert {"seed", "training.epochs", "batches.augment.gamma", "classical.genetic.hidden", "init.from"} <= set(keys)
    for key, struct, field in reference_pages.recipe_keys():
        assert reference_pages.attributes_of(struct).get(field.name), f"{key}: no line in {struct.__name__}"
        assert f"| `{key.rpartition('.')[2]}` |" in page


def test_every_key_of_a_nodes_file_is_documented(reference_pages: ModuleType) -> None:
    page, sections = reference_pages.node_page(), dict(reference_pages.node_sections())
    assert {"[node]", "[receive]", "[receive.limits]", "[[receive.callers]]", "[[destinations]]"} <= set(sections)
    for section, struct in sections.items():
        assert f"## `{section}`" in page
        for key, text in reference_pages.attributes_of(struct).items():
            assert f"| `{key}` |" in page or f".{key}]" in page, f"{section}.{key}"
            assert text
    assert "<class" not in page


def test_a_recipe_key_without_a_line_is_found(reference_pages: ModuleType) -> None:
    class Table(Struct):
        """A table.

        Attributes:
            documented: it is, and over
                two lines.
        """

        documented: int = 1
        forgotten: int = 2

    assert reference_pages.attributes_of(Table) == {"documented": "it is, and over two lines."}
    with pytest.raises(KeyError, match="forgotten"):
        reference_pages.keys_table("", Table)


def test_every_public_name_is_documented(reference_pages: ModuleType) -> None:
    page = reference_pages.api_page()
    for name in hilum.__all__:
        assert (getattr(hilum, name).__doc__ or "").strip(), name
        assert re.search(rf"^.. auto\w+:: hilum.{name}$", page, re.MULTILINE), name


# ------------------------------------------------------------------------------------------- versions, results


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    released = re.findall(
        r"^## (\d\S*) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert released[0] == (hilum.__version__, re.findall(r"^date-released: (\S+)$", citation, re.MULTILINE)[0])
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [hilum.__version__]
    assert project.get("version", hilum.__version__) == hilum.__version__


RESULTS = (DOCS / "results.md").read_text("utf-8")


def test_the_official_test_in_the_table_is_what_was_measured() -> None:
    table = agreement.results(RESULTS)
    measured = agreement.official_test(ROOT / agreement.OFFICIAL)
    assert len(measured) == 10
    assert measured.keys() <= table.keys()
    for recipe, row in table.items():
        expected = measured.get(recipe)
        cells = (row["official test: AUROC"], row["official test: accuracy"])
        if expected is None:
            assert cells == ("not measured", "not measured"), recipe
        else:
            assert cells == (f"{float(expected['auroc']):.4f}", f"{float(expected['accuracy']):.3f}"), recipe
            shown = [
                f"{float(expected[name]):.{digits}f}"
                for name, digits in (("auroc", 4), ("accuracy", 3), ("sensitivity", 3), ("specificity", 3))
            ]
            assert f" | {' | '.join(shown)} |" in RESULTS.partition("## The official test")[2], recipe


def test_the_agreement_of_validation_and_the_official_test_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    agreement.main()
    assert capsys.readouterr().out.strip() in RESULTS


def test_ranks_are_compared_as_defined() -> None:
    found = agreement.agreement([1, 2, 3], [3, 1, 2])
    assert (found.systems, found.reversed, found.pairs) == (3, 2, 3)
    assert found.tau == pytest.approx(-1 / 3)
    assert found.rho == pytest.approx(-0.5)
