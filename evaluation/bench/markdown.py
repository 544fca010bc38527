"""A report of the bench as the tables of docs/performance.md."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Report = Mapping[str, Any]
REACH: Final = {
    "chip_1thread": "16",
    "frame": "11",
    "login_p50_vs_face_recognition_frame": "7.5",
    "search_100k": "3",
    "search_1m": "3",
}
"""What each ratio should be at least."""
LIVE_REACH: Final = {"1": "12", "2": "6"}
"""Frames a second of each camera, by cameras."""
PAGE_REACH: Final = "300"
"""Milliseconds to the first view, at most."""
REFUSALS: Final = ("known", "unknown", "locked_known", "locked_unknown")


def tables(report: Report) -> str:
    """Every part that was measured, one table after the other."""
    parts = {
        "chips": _chips,
        "frame": _frames,
        "login": _logins,
        "stages": _stages,
        "refusals": _refusals,
        "search": _search,
        "start": _starts,
        "import": _import,
        "live": _live,
        "page": _page,
    }
    texts = [_head(report), _ratios(report)]
    texts += [write(report) for name, write in parts.items() if report.get(name)]
    texts += ["\n".join(f"Left out: {each['figure']}: {each['why']}." for each in report["left_out"])]
    return "\n\n".join(text for text in texts if text)


def _head(report: Report) -> str:
    machine, rival = report["machine"], report["rival"] or {}
    versions = ", ".join(f"{name} {version}" for name, version in rival.items())
    return (
        f"{machine['processor'] or machine['machine']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}" + (f"; beside it {versions}" if versions else "") + ". "
        f"Load of the machine before and after: {report['load_before']}, {report['load_after']}."
    )


def _ratios(report: Report) -> str:
    rows = [[f"`{name}`", _shown(value), REACH.get(name, "")] for name, value in report["ratios"].items()]
    return _table(["theirs over ours", "measured", "reach"], rows)


def _chips(report: Report) -> str:
    rows = []
    for each in report["chips"]:
        for what in ("plain", "mirrored", "batch_8"):
            ours, theirs = (_p50(each["times"][f"{who}_{what}"]) for who in ("ours", "theirs"))
            ratio = each["ratio_batch" if what == "batch_8" else f"ratio_{what}"]
            rows.append([what, str(each["threads"]), ours, theirs, _shown(ratio)])
    difference = max(each["greatest_difference"] for each in report["chips"])
    head = ["a chip (mirrored: with its mirror image)", "threads", "ours, ms", "dlib's net, ms", "ratio"]
    return _table(head, rows) + f"\n\nGreatest difference of any number of the vectors: {difference:.1e}."


def _frames(report: Report) -> str:
    what = {
        "ours": "dlib's vector",
        "ours_gated": "with mesh and quality gate",
        "ours_everything": "with everything",
        "theirs": "face_recognition",
    }
    rows = [
        [
            told,
            str(each["threads"]),
            _p50(each["times"][name]),
            _shown(each["cpu_ms"].get(name)),
            _shown(each.get(name.replace("ours", "ratio"))),
        ]
        for each in report["frame"]
        for name, told in what.items()
        if name in each["times"]
    ]
    return _table(["a frame to", "cores", "ms", "CPU ms", "face_recognition over it"], rows)


def _logins(report: Report) -> str:
    alone, together, lasting = [], [], []
    for name, each in report["login"].items():
        times = each["times"]["login"]
        alone.append([name, *(_shown(times[f"p{at}_ms"]) for at in (50, 95, 99)), _shown(each.get("ratio"))])
        together += [
            [name, clients, _shown(load["per_second"])]
            + [_shown(load[f"p{at}_ms"]) for at in (50, 95, 99)]
            + [_shown(report["of_the_cores"].get(name, {}).get(clients)), _shown(load.get("cpu_ms_per_login"))]
            + [_shown(load.get("peak_mib")), _statuses(load["statuses"])]
            for clients, load in each["clients"].items()
        ]
        kept = each["lasting"]
        memory = (kept.get(key) for key in ("resident_mib_before", "resident_mib_after", "peak_mib"))
        lasting.append([name, f"{kept['logins']:,}", str(kept["refused"]), *map(_shown, memory)])
    percentiles = ["p50, ms", "p95, ms", "p99, ms"]
    loads = ["", "clients", "a second", *percentiles, "of the cores", "CPU ms a login", "peak MiB", "answers"]
    return "\n\n".join(
        (
            _table(["login over HTTP", *percentiles, "face_recognition's frame over p50"], alone),
            _table(loads, together),
            _table(["", "logins", "refused", "MiB before", "after", "peak"], lasting),
        )
    )


def _stages(report: Report) -> str:
    names = list(dict.fromkeys(name for each in report["stages"].values() for name in each))
    rows = [[name, *(_shown(each.get(name)) for each in report["stages"].values())] for name in names]
    return _table(["stage, ms", *report["stages"]], rows)


def _refusals(report: Report) -> str:
    found = report["refusals"]
    rows = [[name, *(_shown(found[name][f"p{at}_ms"]) for at in (50, 95, 99))] for name in REFUSALS]
    told = (
        f"Of {found['claims']} each; AUC {found['auc']}, p {found['p']} (rank test; .5 and above .01: no difference)."
    )
    return _table(["refused claim", "p50, ms", "p95, ms", "p99, ms"], rows) + "\n\n" + told


def _search(report: Report) -> str:
    rivals = ("numpy", "faiss", "compare_faces")
    rows = [
        [
            f"{each['size']:,}",
            f"{each['dimension']:,}",
            str(each["threads"]),
            *(_p50(each["times"].get(name)) for name in ("ours", *rivals)),
            _shown(each["ratios"].get("numpy")),
            _shown(each["ratio_in_a_row"]),
            f"{each['different']} of {each['probes']:,}",
        ]
        for each in report["search"]
    ]
    head = ["people", "numbers", "threads", "ours, ms", "numpy, ms", "faiss flat, ms", "compare_faces, ms"]
    head += ["numpy over ours", "eight in a row", "decisions unlike float64"]
    return _table(head, rows)


def _starts(report: Report) -> str:
    rows = [
        [f"{int(people):,}", _shown(each["p50_ms"]), _shown(each["least_ms"]), _shown(each.get("peak_mib"))]
        for people, each in report["start"].items()
    ]
    return _table(["people enrolled", "process start to ready, ms", "least", "peak MiB"], rows)


def _import(report: Report) -> str:
    found = report["import"]
    keys = ("photos", "people", "enrolled", "seconds", "photos_per_second")
    return _table([key.replace("_", " ") for key in keys], [[_shown(found[key]) for key in keys]])


def _live(report: Report) -> str:
    found = report["live"]
    rows = [
        [
            count,
            _shown(each["frames_per_second_each"]),
            _shown(each["least"]),
            LIVE_REACH[count],
            _shown(each["frame_over_search"]),
            *(_shown(each["gap"][f"p{at}_ms"]) for at in (50, 95)),
        ]
        for count, each in found["cameras"].items()
    ]
    head = [
        "cameras",
        "frames a second each",
        "least",
        "reach",
        "a frame over one search",
        "from one to the next p50, ms",
        "p95, ms",
    ]
    logins = found["logins"]
    told = (
        f"On {found['cores']} cores, 640x480, `{found['style']}`; one search at one scale {_p50(found['search'])} ms."
        f" A login takes {_p50(logins['alone'])} ms alone and {_p50(logins['beside_two'])} ms beside two cameras."
    )
    return _table(head, rows) + "\n\n" + told


def _page(report: Report) -> str:
    rows = [
        [f"`{path}`", *(_shown(seen[f"p{at}_ms"]) for at in (50, 95)), PAGE_REACH, _shown(seen["times_bare"])]
        for path, seen in report["page"].items()
    ]
    head = ["page, nothing cached", "to its first contentful paint p50, ms", "p95, ms", "at most", "times a bare line"]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _p50(times: Mapping[str, float] | None) -> str:
    return _shown(None if times is None else times["p50_ms"])


def _statuses(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {status}" for status, count in counted.items())


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
