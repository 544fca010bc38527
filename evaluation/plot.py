"""A DET curve and the two histograms of a run, as one SVG file drawn by hand: no plotting library is needed."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from evaluation.statistics import det_curve
from evaluation.trials import Trials, turned

WIDTH, HEIGHT, EDGE = 460, 360, 56
BINS: Final = 80
DECADES: Final = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
GENUINE, IMPOSTOR = "#1b7f5c", "#b3442e"


def svg(run: Trials, title: str) -> str:
    """The document. Rates below 1e-6 are drawn at 1e-6."""
    panels = _det(run) + f'<g transform="translate({WIDTH},0)">{_histograms(run)}</g>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 30}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{EDGE}" y="18" font-size="14">{_escaped(title)}</text>'
        f'<g transform="translate(0,24)">{panels}</g></svg>\n'
    )


def _det(run: Trials) -> str:
    def place(rate: float) -> float:
        return (math.log10(max(rate, DECADES[0])) - math.log10(DECADES[0])) / (len(DECADES) - 1)

    parts = []
    for rate in DECADES:
        x, y = _x(place(rate)), _y(place(rate))
        parts.append(f'<path d="M{x:.1f},{_y(0)} V{_y(1)} M{_x(0)},{y:.1f} H{_x(1)}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{_y(0) + 16}" text-anchor="middle">{rate:g}</text>')
        parts.append(f'<text x="{_x(0) - 6}" y="{y + 4:.1f}" text-anchor="end">{rate:g}</text>')
    points = [(_x(place(fmr)), _y(place(fnmr))) for fmr, fnmr in det_curve(run.genuine, run.impostor)]
    parts.append(_line(points, "#234"))
    parts.append(_labels("false match rate", "false non-match rate"))
    return "".join(parts)


def _histograms(run: Trials) -> str:
    kinds = [
        (turned(1.0, run.measure) * each, colour) for each, colour in ((run.genuine, GENUINE), (run.impostor, IMPOSTOR))
    ]
    low, high = (float(bound(np.concatenate([values for values, _ in kinds]))) for bound in (np.min, np.max))
    heights = [np.histogram(values, BINS, (low, high), density=True)[0] for values, _ in kinds]
    top = max(float(each.max()) for each in heights)
    parts = []
    for (_, colour), each in zip(kinds, heights, strict=True):
        points = [(_x((place + 0.5) / BINS), _y(float(value) / top)) for place, value in enumerate(each)]
        parts.append(_line(points, colour))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = low + share * (high - low)
        parts.append(f'<text x="{_x(share):.1f}" y="{_y(0) + 16}" text-anchor="middle">{value:.2f}</text>')
    for row, (name, colour) in enumerate((("one person", GENUINE), ("two people", IMPOSTOR))):
        parts.append(f'<text x="{_x(0.7):.1f}" y="{_y(1) + 14 + 16 * row}" fill="{colour}">{name}</text>')
    parts.append(_labels(run.measure.value, "density"))
    return "".join(parts)


def _x(share: float) -> float:
    return EDGE + share * (WIDTH - EDGE - 16)


def _y(share: float) -> float:
    return HEIGHT - EDGE - share * (HEIGHT - EDGE - 12)


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _labels(below: str, beside: str) -> str:
    frame = f'<path d="M{_x(0)},{_y(1)} V{_y(0)} H{_x(1)}" fill="none" stroke="#333"/>'
    under = f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{below}</text>'
    turn = f'transform="translate(12,{_y(0.5):.1f}) rotate(-90)"'
    return f'{frame}{under}<text {turn} text-anchor="middle">{beside}</text>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
