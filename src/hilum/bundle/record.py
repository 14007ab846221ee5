"""`bundle.json` from its bytes: strict JSON, a schema that we know, the record that its seal is of. No torch here."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

import msgspec

from hilum.bundle.consistency import contradiction
from hilum.bundle.spec import READABLE, Spec, as_written
from hilum.errors import BundleError, reason_of

AGAIN = "take the bundle again from where it was made"


def parse_record(content: bytes, source: str) -> Spec:
    """The record of a bundle.

    What is checked against the seal and what is used are one object: a key that stands twice in the file, of which
    two readers may take one each, is refused.

    Args:
        content: of `bundle.json`.
        source: names the file in an error.

    Raises:
        BundleError: whatever the bytes are, if they are no sealed record of a schema that is read here.
    """
    try:
        record = msgspec.json.decode(content, type=dict[str, Any])
        json.loads(content, object_pairs_hook=_with_distinct_keys, parse_constant=_refuse_constant)
    except RecursionError:
        raise BundleError(f"{source}: damaged (nested too deeply); {AGAIN}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise BundleError(f"{source}: damaged, not a bundle's JSON ({_short(error)}); {AGAIN}") from None
    schema = record.get("schema")
    if schema is None:
        raise BundleError(f"{source}: damaged, not a bundle's JSON; {AGAIN}")
    if schema not in READABLE:
        *older, newest = READABLE
        readable = f"{', '.join(map(str, older))} and {newest}"
        raise BundleError(
            f"{source}: schema {str(schema)[:40]}; this Hilum reads {readable}: install the one that wrote it"
        )
    try:
        spec = as_written(msgspec.convert(record, Spec))
        sealed = seal_of(record)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise BundleError(f"{source}: damaged ({_short(error)}); {AGAIN}") from None
    if spec.seal != sealed:
        raise BundleError(f"{source}: changed after it was written; {AGAIN}")
    if found := contradiction(spec):
        raise BundleError(f"{source}: contradicts itself: {found}; {AGAIN}")
    return spec


def seal_of(record: dict[str, Any]) -> str:
    """SHA-256 of a bundle's decoded JSON object, written with sorted keys and an empty seal.

    The object and not the typed record is sealed: a field that this Hilum has and the bundle's writer had not would
    add its default to the record, and break the seal. It is a checksum: whoever changes a bundle can compute it
    again, and only a signature (`hilum.bundle.signature`) says whose the bundle is.
    """
    canonical = json.dumps({**record, "seal": ""}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _with_distinct_keys(pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands twice")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _short(error: BaseException) -> str:
    return reason_of(error)
