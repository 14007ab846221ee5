"""The generated half of the reference, written into `docs/_generated/` at the start of every build.

Recipe keys come from the structs' docstrings and annotations, the command line from typer, the library's names from
`hilum.__all__`, and the schemas from the structs that are written to disk. What is here is therefore never older
than the code; what lacks a docstring fails the build.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import typer
from msgspec import NODEFAULT, Struct, structs

GENERATED = Path(__file__).parents[1] / "_generated"


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx: the pages are written before the sources are read."""
    app.connect("builder-inited", lambda _: write_pages(GENERATED))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(folder: Path) -> None:
    """Write every generated page, each only where it changed, so that Sphinx rebuilds no more than it must."""
    folder.mkdir(exist_ok=True)
    pages = {"recipe": recipe_page, "node": node_page, "cli": cli_page, "api": api_page, "schemas": schemas_page}
    for name, page in pages.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


# ------------------------------------------------------------------------------------------------ recipes


def recipe_keys() -> Iterator[tuple[str, type[Struct], structs.FieldInfo]]:
    """Every key of a recipe as `section.key`, with the struct and the field that hold it."""
    from hilum.recipe import Recipe

    for section, struct in recipe_sections(Recipe, ""):
        for field in structs.fields(struct):
            if _struct_of(field.type) is None:
                yield f"{section}.{field.encode_name}".lstrip("."), struct, field


def recipe_sections(struct: type[Struct], within: str) -> Iterator[tuple[str, type[Struct]]]:
    """Every table of a recipe by its name, the recipe's own (named "") first, then in the order of its fields."""
    yield within, struct
    for field in structs.fields(struct):
        inner = _struct_of(field.type)
        if inner is not None:
            yield from recipe_sections(inner, f"{within}.{field.encode_name}".lstrip("."))


def recipe_page() -> str:
    """One section for each table, one row for each key."""
    from hilum.recipe import Recipe

    lines: list[str] = []
    for section, struct in recipe_sections(Recipe, ""):
        lines += [f"## `[{section}]`" if section else "## Keys outside the tables", "", first_paragraph(struct), ""]
        lines += keys_table(section, struct)
    return "\n".join(lines)


def keys_table(section: str, struct: type[Struct]) -> list[str]:
    """The keys of one table of a TOML file.

    Raises:
        KeyError: the docstring says nothing of a key.
    """
    documented, rows = attributes_of(struct), []
    for field in structs.fields(struct):
        if _struct_of(field.type) is not None or _struct_in_list(field.type) is not None:
            continue
        text = documented.get(field.name)
        if text is None:
            raise KeyError(f"key {section}.{field.name} has no line under 'Attributes' in {struct.__name__}")
        rows.append((f"`{field.encode_name}`", type_words(field.type), _default(field), text[0].upper() + text[1:]))
    return table(("key", "value", "default", "meaning"), rows)


def attributes_of(struct: type) -> dict[str, str]:
    """What a type's docstring says of each field, as one line."""
    return attributes_in(inspect.cleandoc(struct.__doc__ or ""))


def attributes_in(doc: str) -> dict[str, str]:
    """What a docstring's `Attributes:` says of each field, as one line."""
    found: dict[str, str] = {}
    name = ""
    for line in doc.partition("Attributes:\n")[2].splitlines():
        if line and not line.startswith("    "):
            break
        match = re.match(r"    (\w+)(?: \([^)]*\))?: (.*)", line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def first_paragraph(thing: Any) -> str:
    """The docstring's first paragraph, as one line."""
    return " ".join(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0].split())


def type_words(kind: Any) -> str:
    """A type in words: `a number above 0`, `one of …`."""
    origin, args = get_origin(kind), get_args(kind)
    if hasattr(kind, "__metadata__"):
        bounds = [bound for meta in kind.__metadata__ for bound in _bounds(meta)]
        return " ".join([type_words(args[0]), *([" and ".join(bounds)] if bounds else [])])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin is tuple:
        inner = args[0] if len(args) == 2 and args[1] is Ellipsis else None
        return f"list of {type_words(inner)}" if inner is not None else f"list of {len(args)}: {type_words(args[0])}"
    if origin is dict:
        return "table"
    if origin is Union or type(kind).__name__ == "UnionType":
        return " or ".join("nothing" if one is type(None) else type_words(one) for one in args)
    return {str: "string", bool: "`true` or `false`", int: "integer", float: "number"}.get(kind, str(kind))


def _bounds(meta: Any) -> Iterator[str]:
    for name, words in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        value = getattr(meta, name, None)
        if value is not None:
            yield f"{words} {value}"
    if getattr(meta, "pattern", None):
        yield f"like `{meta.pattern}`"


def _default(field: structs.FieldInfo) -> str:
    if field.default is NODEFAULT and field.default_factory is NODEFAULT:
        return "required"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None:
        return "nothing"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}`"


def _struct_of(kind: Any) -> type[Struct] | None:
    """The struct that a field holds, also where it may be absent; None for a plain value."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, Struct) and get_origin(kind) not in (tuple, list, dict):
            return one
    return None


def _struct_in_list(kind: Any) -> type[Struct] | None:
    """The struct that a list holds; None for a list of plain values, and for what is no list."""
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    return inner if isinstance(inner, type) and issubclass(inner, Struct) else None


# ------------------------------------------------------------------------------------------- a node's file


def node_sections() -> Iterator[tuple[str, type[Struct]]]:
    """Every table of a node's file as it is written, such as `[keep]` or `[[receive.callers]]`, each struct once."""
    from hilum.pacs.settings import NodeSettings

    seen: set[type[Struct]] = set()

    def below(struct: type[Struct], within: str) -> Iterator[tuple[str, type[Struct]]]:
        for field in structs.fields(struct):
            one, several = _struct_of(field.type), _struct_in_list(field.type)
            inner, name = one or several, f"{within}.{field.encode_name}".lstrip(".")
            if inner is not None and inner not in seen:
                seen.add(inner)
                yield (f"[{name}]" if one else f"[[{name}]]"), inner
                yield from below(inner, name)

    return below(NodeSettings, "")


def node_page() -> str:
    """One section for each table of a node's file, one row for each key."""
    lines: list[str] = []
    for section, struct in node_sections():
        said = re.sub(r"^`\[+[\w.]+\]+`(: |\.$)", "", first_paragraph(struct))
        lines += [f"## `{section}`", "", said[:1].upper() + said[1:], "", *keys_table(section, struct)]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------- command line


class Parameter(NamedTuple):
    """An argument or an option of a verb.

    Attributes:
        flags: how an option is written, such as `--out`; empty for an argument.
        shown: an argument's name in the usage line.
        kind: its values in words, with the default.
        help: what `--help` says of it.
    """

    flags: tuple[str, ...]
    shown: str
    kind: str
    help: str


def commands() -> dict[str, Callable[..., None]]:
    """Every verb's function by the verb's name; a verb of a group as `group verb`."""
    import hilum.cli

    for module in pkgutil.iter_modules(hilum.cli.__path__):
        importlib.import_module(f"hilum.cli.{module.name}")
    return dict(sorted(_verbs(hilum.cli.app, "")))


def _verbs(app: typer.Typer, within: str) -> Iterator[tuple[str, Callable[..., None]]]:
    for command in app.registered_commands:
        if command.callback is not None:
            yield f"{within} {command.name or command.callback.__name__}".strip(), command.callback
    for group in app.registered_groups:
        name = f"{within} {group.name or (group.typer_instance and group.typer_instance.info.name)}".strip()
        if group.typer_instance is None:
            continue
        alone = group.typer_instance.registered_callback
        if alone is not None and alone.callback is not None and alone.invoke_without_command is True:
            yield name, alone.callback
        yield from _verbs(group.typer_instance, name)


def parameters(verb: Callable[..., None]) -> Iterator[Parameter]:
    """Arguments and options of a verb, in the order of its signature."""
    hints = get_type_hints(verb, include_extras=True)
    for name, parameter in inspect.signature(verb).parameters.items():
        if hints[name] is typer.Context:
            continue
        kind, info = get_args(hints[name])[0], hints[name].__metadata__[0]
        if info.hidden:
            continue
        metavar = info.metavar or name.upper()
        flags: tuple[str, ...] = ()
        if type(info).__name__.startswith("Option"):
            # In an annotation, typer takes the first flag for a default.
            named = (info.default, *(info.param_decls or ()))
            flags = tuple(one for one in named if isinstance(one, str)) or (f"--{name.replace('_', '-')}",)
            if kind is bool and flags == (f"--{name.replace('_', '-')}",) and named[0] is ...:
                flags = (flags[0], f"--no-{flags[0].removeprefix('--')}")
        bounds = " and ".join(
            f"{sign} {value}" for sign, value in (("≥", info.min), ("≤", info.max)) if value is not None
        )
        words = " ".join([_value_words(kind), *([bounds] if bounds else [])])
        if parameter.default not in (inspect.Parameter.empty, None, False, True):
            words += f"; default `{parameter.default}`"
        yield Parameter(flags, metavar, words, info.help or "")


def _value_words(kind: Any) -> str:
    """What a parameter takes: `path`, `text, repeatable`, one of some words."""
    args = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) is list:
        return f"{_value_words(args[0])}, repeatable"
    if get_origin(kind) is Literal:
        return " or ".join(f"`{one}`" for one in args)
    if args:
        return _value_words(args[0])
    return {bool: "flag", str: "text", int: "integer", float: "number", Path: "path"}.get(kind, str(kind))


def cli_page() -> str:
    """One section for each verb: what it does, its arguments and its options."""
    lines: list[str] = []
    for name, verb in commands().items():
        found = list(parameters(verb))
        words = " ".join(one.shown for one in found if not one.flags)
        lines += [f"## hilum {name}", "", "```text", f"hilum {name} {words} [OPTIONS]".replace("  ", " "), "```", ""]
        lines += [_help_text(verb), ""]
        for one in found:
            if not one.help:
                raise KeyError(f"hilum {name}: {' '.join(one.flags) or one.shown} has no help")
        rows = [
            (" ".join(f"`{flag}`" for flag in one.flags) or f"`{one.shown}`", one.kind, one.help) for one in found
        ]
        lines += table(("", "value", "meaning"), rows)
    return "\n".join(lines)


def _help_text(verb: Callable[..., None]) -> str:
    """A verb's docstring as Markdown; indented lines stay as they are."""
    doc = inspect.cleandoc(verb.__doc__ or "")
    if not doc:
        raise KeyError(f"the verb {verb.__name__} has no docstring")
    blocks = []
    for block in doc.split("\n\n"):
        literal = block.startswith("\b\n")  # click's mark: not to be wrapped
        blocks.append(
            f"```text\n{inspect.cleandoc(block[2:])}\n```" if literal else as_markdown(" ".join(block.split()))
        )
    return "\n\n".join(blocks)


# ------------------------------------------------------------------------------------------------ library


def api_page() -> str:
    """Every public name, by autodoc; functions first, then types, then what is raised."""
    import hilum

    names = [name for name in hilum.__all__ if not name.startswith("__")]
    things = {name: getattr(hilum, name) for name in names}
    functions = [name for name in names if inspect.isroutine(things[name])]
    errors = [name for name in names if inspect.isclass(things[name]) and issubclass(things[name], Exception)]
    types = [name for name in names if inspect.isclass(things[name]) and name not in errors]
    rest = [name for name in names if name not in {*functions, *errors, *types}]
    lines = []
    for title, directive, group in (
        ("Functions", "autofunction", functions),
        ("Types", "autoclass", types),
        ("Refusals", "autoexception", errors),
        ("Values", "autodata", rest),
    ):
        if not group:
            continue
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in group:
            lines += [f".. {directive}:: hilum.{name}"]
            if directive == "autoclass":
                lines += ["   :members:"]
            lines += [""]
        lines += ["```", ""]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------ schemas


def schemas() -> dict[str, tuple[str, type[Struct]]]:
    """The JSON files that others read, by name: who writes them, and the struct that is their schema."""
    import hilum.bundle.signature
    import hilum.bundle.spec
    import hilum.evaluation

    return {
        "metrics.json": ("Written by `hilum evaluate`.", hilum.evaluation.Evaluation),
        "folds.json": ("Written by `hilum train` where `members.folds` is set.", hilum.evaluation.FoldsResult),
        "bundle.json": ("In every bundle.", hilum.bundle.spec.Spec),
        "signature.json": ("In a bundle that was signed.", hilum.bundle.signature.Signature),
    }


def schemas_page() -> str:
    """For each file its JSON schema to download, and a table for every object in it."""
    lines: list[str] = []
    for name, (where, struct) in schemas().items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(struct)}
        file = f"{Path(name).stem}.schema.json"
        (GENERATED / file).write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")
        lines += [f"## {name}", "", f"{where} [JSON schema](../_generated/{file})", ""]
        # The file's own object first, then those that it holds, in the order of the schema.
        own = struct.__name__
        for title, one in sorted(schema["$defs"].items(), key=lambda item: item[0] != own):
            if "properties" not in one:
                continue
            doc = inspect.cleandoc(one.get("description", ""))
            lines += [f"### {title}" if title != own else "", "", " ".join(doc.partition("\n\n")[0].split()), ""]
            documented = attributes_in(doc)
            rows = [
                (f"`{key}`", _schema_words(kind), documented.get(key, "")) for key, kind in one["properties"].items()
            ]
            lines += table(("key", "value", "meaning"), rows)
    return "\n".join(lines)


def _schema_words(kind: dict[str, Any]) -> str:
    """A JSON schema's type in a few words."""
    if "$ref" in kind:
        return f"{kind['$ref'].rpartition('/')[2]}"
    if "anyOf" in kind:
        return " or ".join(dict.fromkeys(_schema_words(one) for one in kind["anyOf"]))
    if "enum" in kind:
        return " or ".join(f"`{json.dumps(value)}`" for value in kind["enum"])
    if kind.get("type") == "array":
        inner = kind["items"] if isinstance(kind.get("items"), dict) else next(iter(kind.get("prefixItems", [])), {})
        return f"list of {_schema_words(inner)}"
    if kind.get("type") == "object":
        inner = kind.get("additionalProperties")
        return f"object of {_schema_words(inner)}" if isinstance(inner, dict) and inner else "object"
    return str(kind.get("type", "anything"))


def as_markdown(text: str) -> str:
    """Plain help as Markdown: options as code, and nothing taken for HTML or emphasis."""
    return re.sub(r"(?<![\w`-])(--[a-z][\w-]*)", r"`\1`", text.replace("<", "&lt;").replace("*", "\\*"))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table; nothing for no rows."""
    if not rows:
        return []
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
    ]
