"""`/metrics`: figures for Prometheus."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from db.api_keys import Role
from service.doors import here_or
from service.metrics import Metrics
from service.routes.bodies import PROBLEM

ANSWER: Final = {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}


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

    return routes
