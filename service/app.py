"""The web application: routes, middlewares and the sweeper around one wired `Application`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service.access import BodyLimit, OriginGuard, SecurityHeaders
from service.asgi import problem_answer
from service.bootstrap import Application
from service.doors import Gate, declare, with_schemes
from service.errors import UnsafeSettings
from service.film_jobs import FilmJobs
from service.following import Follower
from service.live import Connections
from service.logs import RequestLog, log_failure
from service.long_work import LongWork
from service.metrics import Measured, Metrics
from service.problems import Problems
from service.readiness import Readiness
from service.routes import (
    admin,
    analyze,
    api_keys,
    audit,
    challenge_socket,
    challenges,
    consent,
    films,
    health,
    live,
    login,
    me,
    metrics,
    models,
    my_consent,
    oidc,
    overlays,
    oversight,
    page,
    photos,
    recover,
    sign_in,
    tokens,
    users,
)
from service.settings import Settings
from service.state import state
from service.watch import Watch, watching
from service.workers import Workers, cores_of_one

HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(application: Application, readiness: Readiness | None = None, *, worker: str | None = None) -> FastAPI:
    """The ASGI application. It closes `application` when it stops.

    `worker`: what its figures are marked with, where it is one of several processes behind one address.
    """
    settings = application.settings
    workers = Workers(settings.workers or cores_of_one(settings.processes), settings.queue)
    connections = Connections(settings.live_connections, cores_of_one(settings.processes))
    jobs = FilmJobs(settings.film_jobs, 4 * settings.max_film_bytes)
    comparing = LongWork("lookalikes")
    figures = Metrics(partial(state, application, workers), worker)
    app = FastAPI(
        title="facewarden",
        version=version("facewarden"),
        description="Privacy-preserving face enrolment and login.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(application, workers, figures, connections, jobs, comparing),
    )
    app.state.gate = gate = Gate.of(application)
    app.state.declared = []
    for routes in (
        users.router(application, workers),
        login.router(application, workers),
        challenges.router(application, workers),
        challenge_socket.router(application, workers),
        me.router(application, workers),
        my_consent.router(application, workers),
        photos.router(application, workers),
        analyze.router(application, workers),
        overlays.router(application, workers),
        films.router(application, jobs),
        live.router(application, connections),
        consent.router(application),
        api_keys.router(application, workers),
        recover.router(application, workers),
        tokens.router(application, workers),
        oidc.router(application, workers),
        sign_in.router(application, workers),
        admin.router(application, workers),
        audit.router(application, workers),
        oversight.router(application, workers),
        models.router(application, comparing),
        health.router(application, readiness or Readiness()),
        metrics.router(figures),
        page.router(live_login=settings.login_is_live, live_enrolment=settings.enrolment_requires == "live"),
    ):
        app.include_router(declare(routes, gate))
        app.state.declared += routes.routes
    document = app.openapi
    app.openapi = lambda: with_schemes(document())  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(RequestValidationError, _wrong_value)
    _guard(app, settings, figures)
    return app


def _guard(app: FastAPI, settings: Settings, figures: Metrics) -> None:
    """The last one added is the first one to see a request. Raises UnsafeSettings for names that are none."""
    app.add_middleware(BodyLimit, limit=settings.max_request_bytes, larger={films.PATH: settings.max_film_bytes})
    app.add_middleware(Problems)
    app.add_middleware(
        OriginGuard,
        hosts=settings.names,
        origins=settings.cors_origins,
        bound=(settings.host, settings.port),
    )
    app.add_middleware(SecurityHeaders, hsts=settings.tls_cert is not None)
    app.add_middleware(RequestLog)
    app.add_middleware(Measured, metrics=figures)
    try:
        app.middleware_stack = app.build_middleware_stack()
    except ValueError as error:
        raise UnsafeSettings(str(error)) from None


def _lifespan(
    application: Application,
    workers: Workers,
    figures: Metrics,
    connections: Connections,
    jobs: FilmJobs,
    comparing: LongWork,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        forgetter = asyncio.create_task(_forget(jobs, application.settings.sweep_seconds))
        sweeper = asyncio.create_task(_sweep(application, figures))
        follower = Follower(application.storage, application.tenants.follow)
        follower.start()
        try:
            yield
        finally:
            await asyncio.to_thread(follower.stop)
            for task in (sweeper, forgetter):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(workers.close)
            await asyncio.to_thread(connections.close)
            await asyncio.to_thread(jobs.close)
            await asyncio.to_thread(comparing.close)
            application.close()

    return lifespan


async def _sweep(application: Application, figures: Metrics) -> None:
    """Finishes erasures that had to wait for a reader, clears what a crash left behind, erases who was kept long
    enough."""
    while True:
        await asyncio.sleep(application.settings.sweep_seconds)
        try:
            with watching(Watch()) as watch:
                await asyncio.to_thread(application.storage.sweep)
                await asyncio.to_thread(application.administer.tidy)
                await asyncio.to_thread(application.sessions.tidy)
                await asyncio.to_thread(application.signing.keep)
                await asyncio.to_thread(application.retention)
            figures.take(watch, "sweep")
        except Exception as error:  # noqa: BLE001 - the next round tries again
            log_failure(error, event="sweep_failed")


async def _forget(jobs: FilmJobs, seconds: float) -> None:
    """Films that nobody asks about any more."""
    while True:
        await asyncio.sleep(seconds)
        jobs.tidy()


async def _framework_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = HTTP_CODES.get(status, "malformed_body" if status < 500 else "internal")
    told, headers, body = problem_answer(request.scope, code)
    if status == 405:
        headers |= {"allow": ", ".join(sorted(_methods(request)))}
    return Response(body, told, headers)


def _methods(request: Request) -> set[str]:
    """What may be asked of an address (RFC 9110, section 15.5.6), by all routes of the path that fits it best; the
    framework's own answer knows only the first."""
    fitting = [each for each in request.app.state.declared if each.matches(request.scope)[0] is not Match.NONE]
    best = min((each.path for each in fitting), key=lambda path: path.count("{"), default="")
    return {method for each in fitting if each.path == best for method in getattr(each, "methods", ())}


async def _wrong_value(request: Request, error: Exception) -> Response:
    places = [each["loc"] for each in error.errors()] if isinstance(error, RequestValidationError) else []
    field = str(places[0][-1]) if places and places[0] else None
    told, headers, body = problem_answer(request.scope, "invalid_field", field=field)
    return Response(body, told, headers)
