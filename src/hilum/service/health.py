"""What an operator's machines ask: whether the process lives, whether films can be answered, and numbers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from hilum.errors import StoreError
from hilum.service import metrics as counted
from hilum.service.api import ANY, service_of
from hilum.service.schemas import HealthOut
from hilum.service.service import Service

router = APIRouter()


@router.get("/healthz", tags=["operation"], operation_id="isAlive", response_model=HealthOut)
async def is_alive() -> HealthOut:
    """Whether the process answers at all."""
    return HealthOut(status="ok")


@router.get(
    "/readyz",
    tags=["operation"],
    operation_id="isReady",
    response_model=HealthOut,
    responses={503: {"description": "Not ready.", "model": HealthOut}},
)
async def is_ready(request: Request) -> Response:
    """Whether films can be answered: the bundles are open, the processes alive, the database answers."""
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        return _health("starting", "")
    if service.stopping:
        return _health("stopping", "")
    if not service.pipeline.ready:
        return _health("broken", "a thread has ended; start the service again")
    try:
        await service.archive.call(service.store.check)
    except StoreError:
        return _health("broken", "the database does not answer")
    return _health("ok", "")


@router.get("/metrics", tags=["operation"], operation_id="getMetrics", response_class=Response, responses=ANY)
async def get_metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    service = service_of(request)
    if not service.settings.metrics_public:
        await service.access.require(request, "metrics")
    return Response(service.metrics.text(), media_type=counted.CONTENT_TYPE)


def _health(status: str, detail: str) -> Response:
    return JSONResponse({"status": status, "detail": detail}, 200 if status == "ok" else 503)
