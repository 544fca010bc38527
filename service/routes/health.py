"""`/healthz` and `/readyz`, for whoever watches the service."""

from fastapi import APIRouter
from pydantic import BaseModel

from service.bootstrap import Application
from service.doors import anyone


class Health(BaseModel):
    status: str = "ok"


def router(application: Application) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", dependencies=[anyone])
    async def alive() -> Health:
        """The process answers."""
        return Health()

    @routes.get("/readyz", dependencies=[anyone])
    def ready() -> Health:
        """The databases answer too, and everybody enrolled can be searched."""
        application.people.count()
        return Health()

    return routes
