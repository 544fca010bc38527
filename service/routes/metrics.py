"""`/metrics`: figures for Prometheus."""

from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from db.tables import DEFAULT_TENANT
from service.access import is_at_this_machine, require_api_key
from service.bootstrap import Application
from service.errors import ApiKeyRequired
from service.metrics import Metrics
from service.routes.bodies import PROBLEM

ANSWER: Final = {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}


def router(application: Application, metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["operation"])
    keys = application.settings.tenant_keys

    @routes.get("/metrics", response_class=Response, responses={"200": ANSWER, "4XX": PROBLEM})
    def figures(request: Request) -> Response:
        """Counters and times, nothing of anybody; for programs on this machine, else with the API key."""
        if not is_at_this_machine(request) and require_api_key(request, keys) != DEFAULT_TENANT:
            raise ApiKeyRequired  # they are of all tenants together
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    return routes
