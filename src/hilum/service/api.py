"""The HTTP API: `/v1/…`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from hilum.errors import RequestError
from hilum.service.films import film_response
from hilum.service.present import model_out, prediction_out, verdict_out
from hilum.service.problems import Problem, responses
from hilum.service.schemas import (
    ModelsOut,
    Order,
    PageOut,
    PredictionOut,
    PredictionsOut,
    VerdictIn,
    VerdictOut,
)
from hilum.service.service import Service
from hilum.service.uploads import FILMS_BODY
from hilum.store import Search

router = APIRouter()

Id = Annotated[str, Path(description="Of a prediction.", pattern="^[0-9a-f]{32}$", min_length=32, max_length=32)]
ANY = responses(400, 401, 403, 421, 422, 429, 500, 503)
_ONE = {**ANY, **responses(404)}


def service_of(request: Request) -> Service:
    """The service that answers a request.

    Raises:
        Problem: 503 while it starts.
    """
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise Problem(503, "the service is starting; send the request again in a moment", {"Retry-After": "1"})
    return service


@router.post(
    "/v1/predictions",
    status_code=201,
    responses={
        200: {"description": "Every film had the same question before.", "model": PredictionsOut},
        **ANY,
        **responses(404, 408, 413, 415, 504, 507),
    },
    openapi_extra=FILMS_BODY,
    tags=["predictions"],
    operation_id="createPredictions",
    response_model=PredictionsOut,
)
async def create_predictions(
    request: Request,
    response: Response,
    model: Annotated[
        str | None, Query(max_length=300, description="A detector's name or seal; else the first.")
    ] = None,
    prevalence: Annotated[
        float | None, Query(ge=0.001, le=0.999, description="The share of positive films where these come from.")
    ] = None,
) -> PredictionsOut:
    """Answer films. The same film with the same question gets the same answer, whose `repeated` is true.

    A film that cannot be read is an answer too, *not judged*, unless it is the only one: then the reply is 422.
    """
    service = service_of(request)
    caller = await service.access.require(request, "predict")
    answered = await service.answer_request(request, caller, model, prevalence)
    # A new answer has no verdict yet.
    verdicts = await service.verdicts([each.stored for each in answered if each.repeated], caller)
    out = [prediction_out(each.stored, verdicts.get(each.stored.id), repeated=each.repeated) for each in answered]
    if all(each.repeated for each in out):
        response.status_code = 200
    return PredictionsOut(predictions=out)


@router.get(
    "/v1/predictions",
    responses=ANY,
    tags=["predictions"],
    operation_id="listPredictions",
    response_model=PageOut,
)
async def list_predictions(
    request: Request,
    answer: Annotated[str | None, Query(max_length=200, description="Only with this answer.")] = None,
    model: Annotated[str | None, Query(max_length=300, description="Only by this detector.")] = None,
    verdict: Annotated[bool | None, Query(description="Only with, or only without a verdict.")] = None,
    film: Annotated[
        str | None, Query(pattern="^[0-9a-f]{64}$", description="Only of this film: its SHA-256.")
    ] = None,
    order: Annotated[
        Order, Query(description="worklist: by suspicion, uncertainty and the time of waiting.")
    ] = "newest",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    after: Annotated[str, Query(max_length=300, description="The cursor that the page before gave.")] = "",
) -> PageOut:
    """Answers that were given before, a page at a time; of films that the same user sent in."""
    service = service_of(request)
    caller = await service.access.require(request, "read")
    page = await service.search(
        Search(
            answer=answer,
            model=model,
            has_verdict=verdict,
            film_sha256=film,
            order="work-list" if order == "worklist" else order,
            limit=limit,
            after=after,
        ),
        caller,
    )
    verdicts = await service.verdicts(page.rows, caller)
    rows = [prediction_out(row, verdicts.get(row.id)) for row in page.rows]
    return PageOut(predictions=rows, total=page.total, next=page.next_page or None)


@router.get(
    "/v1/predictions/{id}",
    responses=_ONE,
    tags=["predictions"],
    operation_id="getPrediction",
    response_model=PredictionOut,
)
async def get_prediction(request: Request, id: Id) -> PredictionOut:
    """One answer that was given before."""
    service = service_of(request)
    caller = await service.access.require(request, "read")
    stored = await service.prediction(id, caller)
    verdicts = await service.verdicts([stored], caller)
    return prediction_out(stored, verdicts.get(id))


@router.get(
    "/v1/predictions/{id}/film",
    responses={
        **_ONE,
        **responses(406, 410),
        200: {
            "description": "The pixels at their full depth.",
            "content": {"image/png": {}, "application/vnd.hilum.pixels": {}},
        },
    },
    response_class=Response,
    tags=["predictions"],
    operation_id="getFilm",
)
async def get_film(request: Request, id: Id) -> Response:
    """The film's pixels: a grey PNG of 16 bits, or as a viewer takes them (`application/vnd.hilum.pixels`).

    That is a line of JSON (height, width, windows, inverted, low, high, spacing), then the values as uint16 in
    little-endian order, compressed by DEFLATE.
    """
    service = service_of(request)
    caller = await service.access.require(request, "read")
    stored = await service.prediction(id, caller)
    return await film_response(service, stored, request.headers.get("accept", "*/*"))


@router.get(
    "/v1/predictions/{id}/heatmap",
    responses={**_ONE, **responses(410), 200: {"description": "A heat map.", "content": {"image/png": {}}}},
    response_class=Response,
    tags=["predictions"],
    operation_id="getHeatmap",
)
async def get_heatmap(request: Request, id: Id) -> Response:
    """Where on the film the answer comes from, as a PNG to lay over it: viridis, transparent where nothing speaks."""
    from hilum.service.heatmaps import heatmap_response

    service = service_of(request)
    caller = await service.access.require(request, "read")
    stored = await service.prediction(id, caller)
    return await heatmap_response(service, stored)


@router.post(
    "/v1/predictions/{id}/verdict",
    status_code=201,
    responses=_ONE,
    tags=["verdicts"],
    operation_id="giveVerdict",
    response_model=VerdictOut,
)
async def give_verdict(request: Request, id: Id, body: VerdictIn) -> VerdictOut:
    """Say what a reader thinks of an answer. It replaces the same reader's verdict from before."""
    service = service_of(request)
    caller = await service.access.require(request, "verdict")
    stored = await service.prediction(id, caller)
    if body.label and body.label not in stored.classes:
        raise Problem(422, f"label: the detector's classes are {', '.join(stored.classes)}")
    try:
        given = await service.archive.call(
            service.store.verdicts.add,
            id,
            caller.user,
            body.verdict,
            label=body.label,
            comment=body.comment,
            unaided=body.blind,
        )
    except RequestError as error:
        raise Problem(422, str(error)) from None
    return verdict_out(given)


@router.delete(
    "/v1/predictions/{id}/verdict",
    status_code=204,
    responses=_ONE,
    tags=["verdicts"],
    operation_id="withdrawVerdict",
    response_class=Response,
)
async def withdraw_verdict(request: Request, id: Id) -> Response:
    """Take one's own verdict back; what was said stays in the audit log."""
    service = service_of(request)
    caller = await service.access.require(request, "verdict")
    stored = await service.prediction(id, caller)
    verdict = (await service.verdicts([stored], caller)).get(id)
    if verdict is None:
        raise Problem(404, "there is no verdict of yours to take back")
    await service.archive.call(service.store.verdicts.withdraw, verdict.id, caller.user)
    return Response(status_code=204)


@router.get("/v1/models", responses=ANY, tags=["models"], operation_id="listModels", response_model=ModelsOut)
async def list_models(request: Request) -> ModelsOut:
    """The detectors that films can be sent to; the first one answers where a request names none."""
    service = service_of(request)
    await service.access.require(request, "read")
    models = [model_out(name, each) for name, each in zip(service.names, service.detectors, strict=True)]
    return ModelsOut(models=models)
