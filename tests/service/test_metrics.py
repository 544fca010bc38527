"""The figures by themselves; tests/story/test_operation.py has those of the real service."""

from prometheus_client.parser import text_string_to_metric_families

from db.api_keys import Role
from service.app import create_app
from service.asgi import App, Receive, Scope, Send
from service.bootstrap import Application
from service.metrics import STATE, Measured, Metrics
from service.problems import Problems
from service.watch import Stage, Watch, stage, tell_enrolment, tell_erasure, tell_login, watching
from tests.service.api_keys import key
from tests.service.asgi_client import call, echo

Labels = dict[str, str]


def shown(metrics: Metrics) -> dict[str, list[tuple[Labels, float]]]:
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def ours(metrics: Metrics) -> dict[str, list[tuple[Labels, float]]]:
    return {name: samples for name, samples in shown(metrics).items() if name.startswith("facewarden")}


def measured(app: App, metrics: Metrics) -> App:
    return Measured(Problems(app), metrics=metrics)


async def working(scope: Scope, receive: Receive, send: Send) -> None:
    with stage(Stage.SEARCH):
        tell_login("1:N", "unknown")
    await echo(scope, receive, send)


async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise KeyError


def test_a_request_is_counted_by_template_and_never_by_path() -> None:
    metrics = Metrics(dict)
    assert call(measured(working, metrics), "GET", "/v1/secret-path").status == 200
    assert call(measured(working, metrics), "SECRET", "/v1/secret-path").status == 200
    found = ours(metrics)
    counted = {
        labels["method"]: (labels["route"], labels["status"], n) for labels, n in found["facewarden_requests_total"]
    }
    assert counted == {"GET": ("unmatched", "200", 1.0), "other": ("unmatched", "200", 1.0)}
    assert found["facewarden_login_decisions_total"] == [({"mode": "1:N", "outcome": "unknown"}, 2.0)]
    assert found["facewarden_stage_seconds_count"] == [({"route": "unmatched", "stage": "search"}, 2.0)]
    assert found["facewarden_requests_open"] == [({}, 0.0)]
    assert b"secret" not in metrics.text().lower()


def test_a_failure_is_counted_with_its_code() -> None:
    metrics = Metrics(dict)
    assert call(measured(failing, metrics)).code == "internal"
    assert ours(metrics)["facewarden_problems_total"] == [({"route": "unmatched", "code": "internal"}, 1.0)]


def test_what_a_round_tells_is_added() -> None:
    metrics = Metrics(dict)
    with watching(Watch()) as watch:
        tell_erasure("retention", 3)
        tell_enrolment(None)
        tell_enrolment("look_alike")
    metrics.take(watch, "sweep")
    found = ours(metrics)
    assert found["facewarden_erasures_total"] == [({"by": "retention"}, 3.0)]
    assert {labels["flag"]: n for labels, n in found["facewarden_enrolments_total"]} == {
        "none": 1,
        "look_alike": 1,
    }


def test_state_is_asked_for_when_it_is_read_and_left_out_where_nobody_knows() -> None:
    asked = {"queue_refused_total": 0.0}
    metrics = Metrics(lambda: asked)
    asked["queue_refused_total"] = 7.0
    found = ours(metrics)
    assert found["facewarden_queue_refused_total"] == [({}, 7.0)]
    assert not {f"facewarden_{name}" for name in STATE} & found.keys() - {"facewarden_queue_refused_total"}


def test_one_of_several_processes_marks_every_figure() -> None:
    metrics = Metrics(lambda: {"index_people": 2.0}, worker="3")
    call(measured(working, metrics))
    assert {labels.get("worker") for samples in shown(metrics).values() for labels, _ in samples} == {"3"}


def test_two_applications_share_no_figure() -> None:
    one, other = Metrics(dict), Metrics(dict)
    call(measured(working, one))
    assert "facewarden_login_decisions_total" not in ours(other)


def test_the_application_says_which_process_it_is(application: Application) -> None:
    shown_key = [("Host", "localhost"), ("Authorization", f"Bearer {key(application.storage, Role.AUDITOR)}")]
    for worker, mark in ((None, set()), ("7", {"7"})):
        text = call(create_app(application, worker=worker), "GET", "/metrics", shown_key).body.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        assert {sample.labels["worker"] for sample in samples if "worker" in sample.labels} == mark
        assert ("facewarden_index_people", 0.0) in {(sample.name, sample.value) for sample in samples}
