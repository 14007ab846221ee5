"""`lungs.json`: what a network that finds lungs was made of, sealed. No torch here."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import hilum
from hilum.bundle.consistency import LUNGS_NAME, LUNGS_RECORD, WEIGHTS_NAME
from hilum.bundle.record import seal_of
from hilum.errors import BundleError, NotAFileError, reason_of
from hilum.files import read_regular, sha256_of, write_json
from hilum.history import Row
from hilum.recipe import Recipe

SCHEMA = 1


class LungSplit(Struct, frozen=True, kw_only=True):
    """How many films of a split had an outline.

    Attributes:
        films: the films.
        patients: the patients that are known; films of unknown ones are not among them.
        unknown: the films of unknown patients.
    """

    films: int
    patients: int
    unknown: int


class LungRecord(Struct, frozen=True, kw_only=True):
    """What a network that finds lungs was made of, and what was measured.

    Attributes:
        schema: of this record.
        hilum: the version that wrote it.
        created: the date.
        recipe: with every choice of the run; its `data` says where films and outlines come from.
        views: the names of the view's outputs, in their order.
        data: counts of films and patients by split.
        data_fingerprint: SHA-256 of the films and their outlines; the same ones give the same, wherever they lie.
        kept_epoch: the epoch that the weights are of.
        metrics: figures on the validation films, as the history names them, of that epoch.
        history: the metrics of every epoch.
        files: SHA-256 of each of the other files.
        seal: SHA-256 of this record with an empty seal.
    """

    schema: int
    hilum: str
    created: str
    recipe: Recipe
    views: tuple[str, ...]
    data: dict[str, LungSplit]
    data_fingerprint: str
    kept_epoch: int
    metrics: Row
    history: list[Row]
    files: dict[str, str]
    seal: str = ""


def seal_lungs(folder: Path, record: LungRecord) -> LungRecord:
    """Write the record of a folder that holds `lungs.onnx` (and `weights.safetensors`); returns it sealed."""
    files = {name: sha256_of(folder / name) for name in (LUNGS_NAME, WEIGHTS_NAME) if (folder / name).exists()}
    stamped = msgspec.structs.replace(record, files=files, seal="")
    written: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(stamped))
    written["seal"] = seal_of(written)
    write_json(folder / LUNGS_RECORD, written)
    return read_lungs(folder)


def new_record(recipe: Recipe, views: tuple[str, ...], **facts: Any) -> LungRecord:
    """A record of today's version, before its files are listed; `facts` are the other fields."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return LungRecord(
        schema=SCHEMA, hilum=hilum.__version__, created=today, recipe=recipe, views=views, files={}, **facts
    )


def read_lungs(folder: Path) -> LungRecord:
    """Read a folder's `lungs.json`, and check it and the other files against the seal.

    Raises:
        BundleError: there is none, it is damaged or was changed, or a file was.
    """
    path = folder / LUNGS_RECORD
    again = "take it again from where it was made"
    try:
        content = read_regular(path)
        written = msgspec.json.decode(content, type=dict[str, Any])
        record = msgspec.convert(written, LungRecord)
        sealed = seal_of(written)
    except FileNotFoundError:
        raise BundleError(f"{folder}: holds no network that finds lungs, there is no {LUNGS_RECORD}") from None
    except (OSError, NotAFileError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: damaged ({reason_of(error)}); {again}") from None
    if record.seal != sealed or LUNGS_NAME not in record.files:
        raise BundleError(f"{path}: changed after it was written; {again}")
    for name, digest in record.files.items():
        if Path(name).name != name:
            raise BundleError(f"{path}: names a file outside of its folder; {again}")
        try:
            found = sha256_of(folder / name)
        except (OSError, NotAFileError):
            raise BundleError(f"{folder / name}: missing; {again}") from None
        if found != digest:
            raise BundleError(f"{folder / name}: changed after it was written; {again}")
    return record
