"""Figures for Prometheus, in a registry of each application's own.

No label holds anything of a person or a client: every value comes from a closed list (route templates, codes, modes,
stages).
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.asgi import App, Message, Receive, Scope, Send, exchange
from service.logs import METHODS
from service.watch import Watch, watching

STAGE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds. A search among a thousand takes well under a millisecond, a picture on a slow core half a second."""
REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
NAMESPACE: Final = "facewarden"
NO_ANSWER: Final = "none"
"""In the place of a status: the connection broke, or half an answer was out when the route failed."""

STATE: Final = {
    "queue_running": "Requests being worked on.",
    "queue_waiting": "Requests waiting for a worker.",
    "queue_refused_total": "Requests that found the queue full.",
    "index_people": "People who can be searched, of every tenant that was asked for.",
    "subjects_waiting": "Claims and clients that failed too often and have to wait, of the tenant default.",
    "subjects_stopped": "Of these, whom a face alone lets in nowhere any more.",
    "rows_refused_total": "Rows of the data file that the service has not written so, as often as met by this process.",
}
"""What is kept elsewhere and asked for when the figures are."""
State = Callable[[], Mapping[str, float]]


class Metrics:
    """Counts what requests tell. `state` gives figures by the names of STATE; those it leaves out are not shown.

    `worker`: a label on every figure, for one of several processes that answer on the same port.
    """

    def __init__(self, state: State, worker: str | None = None) -> None:
        self._worker = worker
        self._registry = registry = CollectorRegistry()
        self._requests = _counter(registry, "requests", "Requests answered.", "method", "route", "status")
        self._problems = _counter(registry, "problems", "Requests refused or failed, by error code.", "route", "code")
        self._logins = _counter(registry, "login_decisions", "Logins decided, by the true outcome.", "mode", "outcome")
        self._enrolments = _counter(registry, "enrolments", "People enrolled, by why to look at them.", "flag")
        self._erasures = _counter(registry, "erasures", "People erased by this process.", "by")
        self._open = Gauge("requests_open", "Requests under way.", namespace=NAMESPACE, registry=registry)
        self._seconds = _histogram(registry, "request_seconds", "Whole requests.", REQUEST_BUCKETS, "route")
        self._stages = _histogram(registry, "stage_seconds", "Parts of requests.", STAGE_BUCKETS, "route", "stage")
        ProcessCollector(registry=registry)
        registry.register(_State(state))

    def take(self, watch: Watch, route: str) -> None:
        """Adds what a request, or a round of the sweeper, told."""
        for stage, seconds in dict(watch.seconds).items():
            self._stages.labels(route, stage.value).observe(seconds)
        for (mode, outcome), count in watch.logins.items():
            self._logins.labels(mode, outcome).inc(count)
        for flag, count in watch.enrolments.items():
            self._enrolments.labels(flag).inc(count)
        for by, count in watch.erasures.items():
            self._erasures.labels(by).inc(count)

    def answered(self, scope: Scope, status: int | None, seconds: float) -> None:
        """A request has ended."""
        route, code = route_of(scope), exchange(scope).code
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(method, route, str(status or NO_ANSWER)).inc()
        self._seconds.labels(route).observe(seconds)
        if code is not None:
            self._problems.labels(route, code).inc()

    def times(self) -> Mapping[str, Sequence[tuple[float, float]]]:
        """How long requests took, by route: upper ends of the buckets, seconds, and how many requests lie within."""
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for sample in next(iter(self._seconds.collect())).samples:
            if sample.name.endswith("_bucket"):
                found[sample.labels["route"]].append((float(sample.labels["le"]), sample.value))
        return found

    def refusals(self) -> Mapping[tuple[str, str], int]:
        """Requests that were refused or failed, by route and error code."""
        samples = next(iter(self._problems.collect())).samples
        return {
            (each.labels["route"], each.labels["code"]): int(each.value)
            for each in samples
            if each.name.endswith("_total")
        }

    def under_way(self, change: int) -> None:
        self._open.inc(change)

    def text(self) -> bytes:
        """The text format, version 0.0.4 (CONTENT_TYPE_PLAIN_0_0_4). Asks for the state."""
        return generate_latest(_Shown(self._registry, self._worker))


def route_of(scope: Scope) -> str:
    """The template of the route that took a request, never its path."""
    return getattr(scope.get("route"), "path", "unmatched")


def _counter(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, namespace=NAMESPACE, registry=registry)


def _histogram(
    registry: CollectorRegistry, name: str, meaning: str, buckets: Sequence[float], *labels: str
) -> Histogram:
    return Histogram(name, meaning, labels, namespace=NAMESPACE, registry=registry, buckets=buckets)


@dataclass(frozen=True, slots=True)
class _State(Collector):
    ask: State

    def collect(self) -> Iterator[Metric]:
        found = self.ask()
        for name, meaning in STATE.items():
            if name in found:
                family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                yield family(f"{NAMESPACE}_{name}", meaning, value=found[name])

    def describe(self) -> list[Metric]:
        return []  # else registering would ask for the state


@dataclass(frozen=True, slots=True)
class _Shown(Collector):
    """Without the moments when each figure was first counted, which double the text; each marked with the worker."""

    registry: CollectorRegistry
    worker: str | None

    def collect(self) -> Iterator[Metric]:
        mark = {} if self.worker is None else {"worker": self.worker}
        for metric in self.registry.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, **mark})
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ]
            yield metric


class Measured:
    """Counts and times every request, and hears what it tells on its way."""

    def __init__(self, app: App, *, metrics: Metrics, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = self._clock(), None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        watch = Watch(self._clock)
        self._metrics.under_way(+1)
        try:
            with watching(watch):
                await self._app(scope, receive, noted)
        finally:
            self._metrics.under_way(-1)
            self._metrics.answered(scope, status, self._clock() - start)
            self._metrics.take(watch, route_of(scope))
