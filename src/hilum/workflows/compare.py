"""Detectors side by side on the same films, evaluated where they have not been."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import BundleError, RequestError
from hilum.extras import require
from hilum.locks import one_writer
from hilum.records import Manifest
from hilum.workflows.evaluate import evaluate_source, open_source
from hilum.workflows.evaluate_detector import Asked
from hilum.workflows.probability_table import is_table, read_probability_table

if TYPE_CHECKING:
    from hilum.comparison import Comparison, Entry
    from hilum.inference import Detector
    from hilum.workflows.run import Run

logger = logging.getLogger("hilum")


@one_writer("out")
def compare(
    entries: Sequence[str | Path | Run | Detector],
    films: str | Path | Manifest | None = None,
    *,
    split: str = "val",
    out: str | Path | None = None,
    timing: bool = True,
    threshold: float | None = None,
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Comparison:
    """Put detectors side by side on the same films, with paired tests and what each one costs.

    AUROC is compared by DeLong's test, accuracy by McNemar's, the rest by a paired bootstrap; p-values are corrected
    by Holm's method over all pairs.

    Args:
        entries: two or more, each of them a run or its folder, a bundle's folder, `shipped`, an open detector, the
            folder that an evaluation wrote, or a CSV file with the probabilities of another model (columns `path`
            and `prob_CLASS` for each class; see `hilum.workflows.probability_table`).
        films: what runs, bundles and detectors are evaluated on; None takes a run's own manifest. A table is compared
            on the films of the others; where there are no others, on these, or with the labels that it has itself.
        split: which of the films: `train`, `val`, `test`, or `all`; of a run's own manifest always `val`.
        out: a folder that gets `comparison.json`, `comparison.html` and a folder for each new evaluation; None
            writes nothing.
        timing: whether to measure films a second where a bundle is at hand; about two seconds for each.
        threshold: for tables of two classes, the probability from which on the second class is called; None is 0.5.
        class_names: as for `hilum.index`.

    Raises:
        RequestError: fewer than two entries, one of them twice or of no known kind, or not of the same films.
        BundleError: a bundle is damaged.
        LayoutError: there are no such films, or a table does not fit them.
    """
    require("evaluate", "comparing")
    from hilum import comparison
    from hilum.files import write_text
    from hilum.films import as_manifest

    if len(entries) < 2:
        raise RequestError("one detector is nothing to compare; name two runs or evaluations, or more")
    folder = None if out is None else Path(out)
    paths = [_path_of(entry) for entry in entries]
    sources = [_Source(path, name, _bundle_of(path)) for path, name in zip(paths, names_of(paths), strict=True)]
    if films is not None and (class_names or not isinstance(films, Manifest)):
        films = as_manifest(films, cut=split in ("train", "val"), class_names=class_names)
        for note in films.notes:
            logger.info(f"note: {note}")
    found = {source.name: _entry(source, films, split, folder) for source in sources if not is_table(source.path)}
    for source in sources:
        if is_table(source.path):
            found[source.name] = _table_entry(source, next(iter(found.values()), None), films, split, threshold)
    compared = [found[source.name] for source in sources]
    if timing:
        compared = _timed(compared, {source.name: source.bundle for source in sources if source.bundle})
    result = comparison.compare_entries(compared)
    if folder is not None:
        comparison.write_comparison(result, folder / "comparison.json")
        write_text(folder / "comparison.html", comparison.render_comparison(result, compared))
    return result


@dataclass(frozen=True, slots=True)
class _Source:
    """Where an entry comes from.

    Attributes:
        path: as it was named.
        name: unlike the others'.
        bundle: what predicts; None for a table, and for an evaluation that lies in no run's folder.
    """

    path: Path
    name: str
    bundle: Path | None


def _path_of(entry: str | Path | Run | Detector) -> Path:
    from hilum.bundle import SHIPPED

    path = Path(entry) if isinstance(entry, str | Path) else entry.folder
    return SHIPPED if str(path) == "shipped" else path


def _bundle_of(path: Path) -> Path | None:
    """The bundle that a path is, holds, or lies beside."""
    candidates = () if is_table(path) else (path, path / "bundle", path.parent / "bundle")
    return next((folder for folder in candidates if (folder / "bundle.json").is_file()), None)


def names_of(paths: Sequence[Path]) -> list[str]:
    """The run's name, also for what lies inside it; where two agree, as much of the path as tells them apart.

    Raises:
        RequestError: a path is named twice.
    """
    resolved = [path.resolve() for path in paths]
    if len(set(resolved)) < len(resolved):
        raise RequestError("one of these folders is named twice; name each once")
    names = [
        path.stem if is_table(path) else path.parent.name if (path.parent / "bundle").is_dir() else path.name
        for path in resolved
    ]
    length = 1
    while len(set(names)) < len(names):
        length += 1
        names = ["/".join(path.parts[-length:]) for path in resolved]
    return names


def _entry(source: _Source, films: str | Path | Manifest | None, split: str, out: Path | None) -> Entry:
    """An evaluation that is there, or a new one of a run or a bundle."""
    from hilum.comparison import entry_of, read_entry

    path, bundle = source.path, source.bundle
    if (path / "metrics.json").is_file() or bundle not in (path, path / "bundle"):
        return read_entry(path, source.name)
    own = bundle.parent / "manifest.csv"
    if films is None and not own.is_file():
        raise RequestError(f"{path}: a bundle without a run has no films of its own; name some with --data")
    chosen, which = (own, "val") if films is None else (films, split)
    logger.info(f"{path}: evaluating on {'its own val films' if films is None else f'the split {split}'}")
    evaluation, predictions = evaluate_source(
        open_source(bundle), chosen, which, None if out is None else out / source.name, Asked()
    )
    return entry_of(source.name, predictions, evaluation.detector)


def _table_entry(
    source: _Source, other: Entry | None, films: str | Path | Manifest | None, split: str, threshold: float | None
) -> Entry:
    """A table's probabilities of the films of another entry, else of the films that were named, else of its own."""
    from hilum.comparison import Cost, Entry
    from hilum.films import index

    table = read_probability_table(source.path)
    if other is not None:
        table = table.reordered(other.predictions.classes)
        chosen = Manifest(tuple(row.film for row in other.predictions if row.film.label))
    elif films is not None:
        indexed = films if isinstance(films, Manifest) else index(films, cut=split in ("train", "val"))
        chosen = indexed.split(split)
    else:
        return Entry(source.name, table.predictions(None, threshold), Cost())
    return Entry(source.name, table.predictions(chosen, threshold), Cost())


def _timed(entries: Sequence[Entry], bundles: dict[str, Path]) -> list[Entry]:
    """The entries with their rates, all measured in one run; those whose bundle is not at hand have none."""
    import msgspec

    from hilum import comparison
    from hilum.inference import Detector

    detectors = {}
    for entry in entries:
        try:
            detector = Detector(bundles[entry.name]) if entry.name in bundles else None
        except BundleError:
            continue
        if detector and detector.spec.seal == entry.seal:
            detectors[entry.name] = (detector.probs, detector.spec.recipe.pixels.size)
    rates = comparison.films_a_second(detectors)
    return [
        replace(entry, cost=msgspec.structs.replace(entry.cost, films_a_second=rates.get(entry.name)))
        for entry in entries
    ]
