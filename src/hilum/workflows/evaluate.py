"""How good a detector is on labelled films: figures with intervals, and a report."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from hilum.errors import RequestError
from hilum.extras import require
from hilum.locks import one_writer
from hilum.records import Manifest, Predictions
from hilum.workflows.evaluate_detector import Asked, evaluate_detector, heat_maps_of
from hilum.workflows.probability_table import ProbabilityTable, is_table, read_probability_table

if TYPE_CHECKING:
    from hilum.bundle import Spec
    from hilum.evaluation import AtPrevalence, AuditSummary, Evaluation
    from hilum.inference import Detector
    from hilum.inference.engines import EngineName, Precision

logger = logging.getLogger("hilum")


@one_writer("out")
def evaluate(
    bundle: str | Path | Detector,
    films: str | Path | Manifest,
    split: str = "test",
    *,
    out: str | Path | None = None,
    shifts: bool = False,
    curves: bool = False,
    prevalence: float | None = None,
    audit: bool = False,
    checklists: bool = False,
    heat_maps: bool = False,
    pictures: bool = True,
    engine: EngineName | Literal["auto"] = "onnx",
    precision: Precision | Literal["auto"] = "float32",
    threshold: float | None = None,
    trusted: str | Path | None = None,
    class_names: Mapping[str, Sequence[str]] | None = None,
    classes: Sequence[str] = (),
) -> Evaluation:
    """Measure a detector on labelled films, with 95% intervals over patients.

    Args:
        bundle: a bundle's folder, `shipped`, an open detector, or a CSV file with the probabilities of another model
            (columns `path` and `prob_CLASS` for each class; see `hilum.workflows.probability_table`).
        films: a folder of films, a table, a MedMNIST archive, or a manifest. The labels come from here.
        split: which of them: `train`, `val`, `test`, or `all`.
        out: a folder that gets `metrics.json`, `predictions.csv` and `report.html`; None writes nothing.
        shifts: also measure under acquisition shifts (`hilum.shifts`), in about 35 times the time.
        curves: also under each shift at rising strength, in about twice that.
        prevalence: also give predictive values where this share of films is positive, between 0 and 1; two classes.
        audit: also audit the films of all splits, as `hilum.audit` does.
        checklists: also write drafts of the CLAIM 2024 and TRIPOD+AI checklists to `out`.
        heat_maps: show in the report what speaks for the predicted class in the worst errors; needs torch.
        pictures: whether the report shows the worst errors, or only names them.
        engine: what computes the network; not used where `bundle` is an open detector.
        precision: what it computes in; likewise.
        threshold: for a table of two classes, the probability from which on the second class is called; None is 0.5.
        trusted: a public key, or a folder of them, that must have signed the bundle; as for `Detector`.
        class_names: as for `hilum.index`.
        classes: the films' own names of the detector's classes, in its order; films of other classes are left out.
            Without them, names that differ by spelling or are known synonyms (healthy, no finding) are matched, and
            the log says so.

    Returns:
        What `metrics.json` holds. A film that could not be read is counted in `n_failed`, and the log says why.

    Raises:
        RequestError: the request does not fit the detector, or a label is none of its classes.
        BundleError: the bundle is damaged.
        LayoutError: there are no such films, or the table does not fit them.
    """
    require("train" if heat_maps else "evaluate", "evaluating with heat maps" if heat_maps else "evaluating")
    asked = Asked(
        shifts, curves, prevalence, audit, checklists, heat_maps, pictures, threshold, tuple(classes), class_names
    )
    folder = None if out is None else Path(out)
    if checklists and folder is None:
        raise RequestError("checklists are files; name a folder for them with out")
    source = open_source(bundle, engine, precision, trusted)
    return evaluate_source(source, films, split, folder, asked)[0]


def open_source(
    bundle: str | Path | Detector,
    engine: EngineName | Literal["auto"] = "onnx",
    precision: Precision | Literal["auto"] = "float32",
    trusted: str | Path | None = None,
) -> Detector | ProbabilityTable:
    """Open a bundle, or read a table of probabilities; an open detector is returned as it is.

    Raises:
        RequestError: a table is to be trusted, which nobody signs.
    """
    from hilum.inference import Detector

    if isinstance(bundle, Detector):
        return bundle
    if is_table(Path(bundle)):
        if trusted is not None:
            raise RequestError(f"{bundle}: a table of probabilities, which nobody signs; omit --trusted")
        return read_probability_table(Path(bundle))
    return Detector(bundle, engine=engine, precision=precision, trusted=trusted)


def evaluate_source(
    source: Detector | ProbabilityTable, films: str | Path | Manifest, split: str, out: Path | None, asked: Asked
) -> tuple[Evaluation, Predictions]:
    """Evaluate what was opened; the arguments are those of `evaluate`."""
    from hilum.evaluation import write_metrics
    from hilum.films import as_manifest, match_classes
    from hilum.records import write_predictions

    # Only train and val are ever cut; a data set that is evaluated as it is needs no patients.
    indexed = as_manifest(films, cut=split in ("train", "val"), class_names=asked.class_names)
    by_subtype = not isinstance(source, ProbabilityTable) and source.spec.recipe.labels == "subtype"
    matched = match_classes(
        indexed.labelled_by("subtype" if by_subtype else "label"),
        source.classes if isinstance(source, ProbabilityTable) else source.spec.classes,
        asked.classes,
    )
    notes = () if isinstance(films, Manifest) else indexed.notes
    for note in (*notes, *matched.notes):
        logger.info(f"note: {note}")
    chosen = matched.manifest
    if isinstance(source, ProbabilityTable):
        evaluation, predictions = _evaluate_table(source, chosen.split(split), asked)
        spec = None
    else:
        evaluation, predictions = evaluate_detector(source, chosen, split, asked)
        spec = source.spec
    evaluation = msgspec.structs.replace(
        evaluation,
        split=split,
        at_prevalence=_at_prevalence(predictions, asked.prevalence),
        audit=_audit_summary(indexed) if asked.audit else None,
    )
    for row in predictions.failed:
        logger.warning(f"{row.film.path}: {row.error}")
    if out is not None:
        write_predictions(predictions, out / "predictions.csv")
        write_metrics(evaluation, out / "metrics.json")
        _write_pages(out, evaluation, predictions, spec, source, asked)
    return evaluation, predictions


def _evaluate_table(table: ProbabilityTable, chosen: Manifest, asked: Asked) -> tuple[Evaluation, Predictions]:
    from hilum import evaluation
    from hilum.files import sha256_of

    for option, wanted in (
        ("shifts", asked.shifts),
        ("curves", asked.curves),
        ("heat maps", asked.heat_maps),
        ("checklists", asked.checklists),
    ):
        if wanted:
            raise RequestError(f"{table.path}: {option} need a detector, and this is a table of probabilities")
    if asked.prevalence is not None and len(table.classes) > 2:
        raise RequestError("--prevalence is the share of the positive ones of two classes, and this table has more")
    predictions = table.predictions(chosen, asked.threshold)
    result = evaluation.evaluate_predictions(predictions)
    detector = evaluation.DetectorRecord(
        name=table.path.stem, network="table of probabilities", seal=sha256_of(table.path)
    )
    return msgspec.structs.replace(
        result, selective=evaluation.measure_selective(predictions), detector=detector
    ), predictions


def _at_prevalence(predictions: Predictions, prevalence: float | None) -> AtPrevalence | None:
    from hilum import evaluation

    return None if prevalence is None else evaluation.at_prevalence(predictions, prevalence)


def _write_pages(
    out: Path,
    evaluated: Evaluation,
    predictions: Predictions,
    spec: Spec | None,
    source: Detector | ProbabilityTable,
    asked: Asked,
) -> None:
    from hilum import evaluation
    from hilum.files import write_text

    heat_of = heat_maps_of(source) if asked.heat_maps and not isinstance(source, ProbabilityTable) else None
    evaluation.write_report(out / "report.html", evaluated, predictions, spec, heat_of, pictures=asked.pictures)
    if asked.checklists and spec is not None:
        for name, text in evaluation.checklists(spec, evaluated).items():
            write_text(out / name, text)


def _audit_summary(manifest: Manifest) -> AuditSummary:
    """What an audit of the films of all splits finds: the sentences of each severity."""
    from hilum.auditing import SEVERITIES, sentences
    from hilum.auditing import audit as run
    from hilum.evaluation import AuditSummary

    made = run(manifest)
    found = {str(severity): sentences(made.findings, severity) for severity in SEVERITIES}
    return AuditSummary(len(made.seen), found, made.not_checked)
