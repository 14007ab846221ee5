"""Putting a bundle together whole or not at all, and sealing it. No torch here."""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

import hilum
from hilum.bundle.card import card
from hilum.bundle.consistency import SPEC_NAME
from hilum.bundle.read import CARD_NAME, GATE_NAME, Bundle, read
from hilum.bundle.record import seal_of
from hilum.bundle.spec import SCHEMA, Decisions, Member, Spec, SplitCard
from hilum.errors import RequestError
from hilum.files import hidden_beside, sha256_of, write_json, write_text
from hilum.recipe import Recipe
from hilum.records import Manifest


def _refuse_no_bundle(folder: Path) -> None:
    if not (folder / SPEC_NAME).exists():
        raise RequestError(f"{folder}: exists and is no bundle; name another folder")


@contextmanager
def part_of(folder: Path, refuse_other: Callable[[Path], None] = _refuse_no_bundle) -> Iterator[Path]:
    """Make the folder that a bundle is written into until it is whole; it is gone when the block ends.

    What a killed command left there goes now, and a bundle that it had moved away comes back.

    Args:
        folder: that it is to be, once `put_in_place` has put it there.
        refuse_other: raises RequestError about a folder that exists and holds something else.

    Raises:
        RequestError: the folder exists and is no bundle.
        OSError: about the bundle's folder, never about the hidden one; the bundle that was there stands.
    """
    part, old = hidden_beside(folder, ".part"), hidden_beside(folder, ".old")
    if old.exists() and not folder.exists():
        old.replace(folder)
    if folder.exists():
        refuse_other(folder)
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
    except OSError as error:
        names = [Path(os.fsdecode(name)) for name in (error.filename2, error.filename) if name is not None] or [part]
        inside = next((name for name in names if name.is_relative_to(part)), None)
        if not error.errno or inside is None:
            raise
        raise OSError(error.errno, error.strerror, str(folder / inside.relative_to(part))) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def put_in_place(part: Path, folder: Path) -> None:
    """Move a whole part to where it belongs; what was there goes once it stands."""
    old = hidden_beside(folder, ".old")
    if folder.exists():
        folder.replace(old)
    part.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def spec_of(
    recipe: Recipe,
    classes: tuple[str, ...],
    manifest: Manifest,
    decisions: Decisions,
    history: list[dict[str, float]],
    members: Sequence[Member] = (),
) -> Spec:
    """The record of a new bundle, before its files are listed in it."""
    return Spec(
        schema=SCHEMA,
        hilum=hilum.__version__,
        created=_today(),
        recipe=recipe,
        classes=classes,
        operating_point=decisions.operating_point,
        calibration=decisions.calibration,
        conformal=decisions.conformal,
        scores=decisions.scores,
        data=_data_card(manifest, members),
        data_fingerprint=data_fingerprint(manifest),
        code_fingerprint=_code_fingerprint(),
        metrics=decisions.metrics,
        history=history,
        files={},
        members=tuple(members),
    )


def stamped(spec: Spec, recipe: Recipe, decisions: Decisions) -> Spec:
    """The record of a bundle that is written again with other decisions."""
    return msgspec.structs.replace(
        spec,
        schema=SCHEMA,
        hilum=hilum.__version__,
        created=_today(),
        recipe=recipe,
        operating_point=decisions.operating_point,
        calibration=decisions.calibration,
        conformal=decisions.conformal,
        scores=decisions.scores,
        code_fingerprint=_code_fingerprint(),
        metrics=decisions.metrics,
    )


def seal(spec: Spec, part: Path, folder: Path) -> Bundle:
    """Write card and record into `part`, which holds the other files, and move it to `folder`."""
    write_text(part / CARD_NAME, card(spec, (part / GATE_NAME).exists()))
    files = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
    # What is sealed is what a reader decodes: JSON has no NaN, for one.
    record = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(spec, files=files, seal="")))
    record["seal"] = seal_of(record)
    write_json(part / SPEC_NAME, record)
    put_in_place(part, folder)
    return read(folder)


def data_fingerprint(manifest: Manifest) -> str:
    """The same films with the same labels in the same splits give the same fingerprint, wherever they lie."""
    lines = sorted(f"{film.sha256} {film.label} {film.subtype} {film.split}" for film in manifest)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _data_card(manifest: Manifest, members: Sequence[Member]) -> dict[str, SplitCard]:
    """Counts of films and patients by split; each of several networks may have been trained on films of its own."""
    trained_on = {
        f"train ({number}: {member.recipe.name})": member.data["train"]
        for number, member in enumerate(members, start=1)
    }
    return {
        **(trained_on or {"train": split_card(manifest.split("train"))}),
        "val": split_card(manifest.split("val")),
    }


def split_card(manifest: Manifest) -> SplitCard:
    """Counts of some films by class and cause, and of their patients."""
    names = (
        f"{film.label}/{film.subtype}" if film.subtype not in ("", film.label) else film.label for film in manifest
    )
    return SplitCard(
        films=dict(sorted(Counter(names).items())),
        patients=len({film.patient for film in manifest if film.patient}),
    )


def _code_fingerprint() -> str:
    source = Path(hilum.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*.py")):
        digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
