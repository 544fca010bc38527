"""`/healthz` and `/readyz`, for whoever watches the service."""

from fastapi import APIRouter
from pydantic import BaseModel

from service.bootstrap import Application
from service.doors import anyone
from service.readiness import Readiness
from service.routes.bodies import PROBLEM


class Health(BaseModel):
    status: str = "ok"


def router(application: Application, readiness: Readiness) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", dependencies=[anyone])
    async def alive() -> Health:
        """The process answers."""
        return Health()

    @routes.get("/readyz", dependencies=[anyone], responses={"503": PROBLEM})
    def ready() -> Health:
        """The databases answer too, and everybody enrolled can be searched; no longer once it was told to stop."""
        readiness.check()
        application.people.count()
        return Health()

    return routes
