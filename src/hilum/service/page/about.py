"""What the answers mean, what the detectors learnt from, and what the API has."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hilum.service.page.render import render, require_reader
from hilum.service.present import model_out
from hilum.service.wording import Bar, class_word, share

router = APIRouter()

_DRAWN = (0.93, 0.58, 0.08)  # probabilities of no film, for the page that shows how answers look


@router.get("/about")
async def about(request: Request) -> Response:
    """What the answers mean, and what the detectors learnt from."""
    service, _ = await require_reader(request)
    models = [model_out(name, each) for name, each in zip(service.names, service.detectors, strict=True)]
    classes = [class_word(name) for name in service.detectors[0].classes]
    return render(
        request,
        "about.html",
        page="about",
        models=models,
        positive=classes[-1],
        negative=" or ".join(classes[:-1]),
        bars=[_bar(prob, models[0].threshold, classes[-1]) for prob in _DRAWN],
    )


@router.get("/docs")
async def docs(request: Request) -> Response:
    """What the API has, for a person."""
    await require_reader(request)
    schema = request.app.openapi()
    operations = [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "docs.html", page="docs", operations=operations)


def _bar(prob: float, threshold: float | None, name: str) -> Bar:
    line = None if threshold is None else round(100 * threshold)
    against = "" if threshold is None else f", threshold {share(threshold)}"
    return Bar(round(100 * prob), line, f"Probability of {name.lower()} {share(prob)}{against}")
