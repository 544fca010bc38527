"""`/metrics`: figures for Prometheus; and some of them for people."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from db.api_keys import Role
from service.access import is_api
from service.doors import here_or, roles
from service.metrics import Metrics
from service.percentiles import percentile
from service.routes.bodies import PROBLEM

ANSWER: Final = {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
SHARES: Final = (0.5, 0.95, 0.99)


class Latency(BaseModel):
    """Of one route: how many requests, and within how many milliseconds 50, 95 and 99 of 100 were answered, between the
    ends of the buckets that `/metrics` has."""

    route: str
    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Refusals(BaseModel):
    """Requests to one route that ended with this error code."""

    route: str
    code: str
    count: int


class Performance(BaseModel):
    """Of this process since it started; of all tenants together."""

    latency: list[Latency]
    refusals: list[Refusals]


def router(metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get(
        "/metrics",
        response_class=Response,
        dependencies=[here_or(Role.ADMIN, Role.AUDITOR)],
        responses={"200": ANSWER, "4XX": PROBLEM},
    )
    def figures() -> Response:
        """Counters and times of all tenants together, nothing of anybody."""
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    @routes.get(
        "/v1/admin/performance",
        dependencies=[roles(Role.ADMIN, Role.AUDITOR, everywhere=True)],
        responses={"4XX": PROBLEM},
    )
    def performance() -> Performance:
        """How long requests to the API take, and what they are refused for."""
        latency = [_latency(route, buckets) for route, buckets in sorted(metrics.times().items()) if is_api(route)]
        refusals = [
            Refusals(route=route, code=code, count=count)
            for (route, code), count in sorted(metrics.refusals().items())
            if is_api(route)
        ]
        return Performance(latency=latency, refusals=refusals)

    return routes


def _latency(route: str, buckets: Sequence[tuple[float, float]]) -> Latency:
    p50, p95, p99 = (round(1000 * (percentile(buckets, share) or 0.0), 1) for share in SHARES)
    return Latency(route=route, requests=int(buckets[-1][1]), p50_ms=p50, p95_ms=p95, p99_ms=p99)
