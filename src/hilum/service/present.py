"""Stored answers as the API gives them, and detectors as it lists them."""

from __future__ import annotations

from hilum.inference import Detector
from hilum.service.schemas import FilmOut, ModelOut, ModelReference, PredictionOut, VerdictOut
from hilum.store import StoredPrediction, Verdict


def learnt_from(detector: Detector) -> str:
    """The films that a detector was trained on, in its recipe's words, up to where those name their source."""
    words = detector.spec.recipe.data.partition(":")[0].strip().rstrip(".")
    return f"Learnt from: {words}." if words else "Nobody has noted what films it learnt from."


def model_out(name: str, detector: Detector) -> ModelOut:
    """A detector as `/v1/models` lists it."""
    spec = detector.spec
    auroc = spec.metrics.get("auroc")
    return ModelOut(
        name=name,
        seal=spec.seal,
        recipe=spec.recipe.name,
        system=spec.recipe.system,
        classes=list(spec.classes),
        threshold=spec.operating_point.threshold,
        learnt_from=spec.recipe.data,
        validation_auroc=None if auroc is None else auroc.value,
        missing=list(detector.skipped),
    )


def prediction_out(stored: StoredPrediction, verdict: Verdict | None, *, repeated: bool = False) -> PredictionOut:
    """A stored answer as the API gives it.

    Args:
        stored: as the store gives it.
        verdict: the reader's own.
        repeated: whether it was there before the request.
    """
    row = stored.row
    height, width = row.shape
    return PredictionOut(
        id=stored.id,
        created=stored.created,
        model=ModelReference(name=stored.model, seal=stored.key.seal),
        film=FilmOut(
            sha256=stored.key.film_sha256,
            bytes=stored.film_bytes,
            width=width,
            height=height,
            available=stored.has_film,
            until=stored.film_until,
            view=row.film.view,
            age=row.film.age,
        ),
        answer=row.answer,
        why=row.why,
        notes=list(row.notes),
        probabilities=dict(zip(stored.classes, row.probs, strict=False)),
        threshold=stored.threshold,
        plausible=list(row.plausible),
        prevalence=stored.key.prevalence,
        error=row.error,
        verdict=None if verdict is None else verdict_out(verdict),
        repeated=repeated,
    )


def verdict_out(verdict: Verdict) -> VerdictOut:
    """A verdict as the API gives it."""
    return VerdictOut(
        verdict=verdict.decision,
        label=verdict.label,
        comment=verdict.comment,
        blind=verdict.unaided,
        by=verdict.user,
        at=verdict.created,
    )
