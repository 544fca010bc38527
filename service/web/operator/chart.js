// Charts as SVG: bars stacked over time, and spreads on a logarithmic scale. Figures go into a table beside them.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 232; // px, with the axes
const AXIS = { left: 40, bottom: 26, top: 10, right: 2 };

function svg(name, attributes = {}, text = "") {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** The least of some round numbers, times a power of ten, that is as much. */
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 4, 6, 8, 10].map((times) => times * power).find((each) => each >= value);
}

/**
 * Bars for each step. `series`: {name, values}, from the bottom up; `labels`: what stands below a step, empty for nothing;
 * `titles`: what is told of a step. It draws itself anew when it gets another width.
 */
export function stacked(description, { series, labels, titles }) {
  const frame = document.createElement("div");
  frame.className = "chart";
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width) frame.replaceChildren(bars(contentRect.width, description, { series, labels, titles }));
  }).observe(frame);
  return frame;
}

function bars(width, description, { series, labels, titles }) {
  const steps = titles.length;
  const sums = titles.map((_, i) => series.reduce((sum, { values }) => sum + values[i], 0));
  const most = nice(Math.max(4, ...sums));
  const inner = { width: width - AXIS.left - AXIS.right, height: HEIGHT - AXIS.top - AXIS.bottom };
  const y = (value) => AXIS.top + inner.height * (1 - value / most);
  const x = (step) => AXIS.left + (inner.width * step) / steps;
  const made = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": description });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    if (!Number.isInteger(most * share)) continue;
    const at = Math.round(y(most * share)) + 0.5;
    made.append(svg("line", { x1: AXIS.left, x2: width, y1: at, y2: at, class: share ? "rule" : "base" }));
    made.append(svg("text", { x: AXIS.left - 8, y: at + 4, "text-anchor": "end" }, new Intl.NumberFormat().format(most * share)));
  }
  const room = Math.ceil(56 / (inner.width / steps)); // steps that a label takes
  let free = 0;
  for (let step = 0; step < steps; step += 1) {
    const group = svg("g", { class: "step" });
    group.append(svg("title", {}, titles[step]), svg("rect", { x: x(step), y: AXIS.top, width: inner.width / steps, height: inner.height, class: "hit" }));
    let below = 0;
    for (const { name, values } of series) {
      const count = values[step];
      if (!count) continue;
      const top = y(below + count);
      const height = Math.max(1, y(below) - top - (below ? 1 : 0));
      const gap = Math.min(3, inner.width / steps / 5);
      group.append(svg("rect", { x: x(step) + gap, y: top, width: inner.width / steps - 2 * gap, height, class: `of-${name}`, "data-count": count }));
      below += count;
    }
    made.append(group);
    if (labels[step] && step >= free && step + room <= steps + 1) {
      made.append(svg("line", { x1: x(step) + 0.5, x2: x(step) + 0.5, y1: y(0), y2: y(0) + 6, class: "base" }));
      made.append(svg("text", { x: x(step) + 4, y: HEIGHT - 7 }, labels[step]));
      free = step + room;
    }
  }
  return made;
}

/** From the first to the last value, ms, between 1 ms and 10 s; the one in the middle has a mark. */
export function spread([low, middle, high]) {
  const at = (ms) => 4 + 112 * Math.min(1, Math.log10(Math.max(ms, 1)) / 4);
  const made = svg("svg", { viewBox: "0 0 120 16", width: 240, height: 16, preserveAspectRatio: "none", "aria-hidden": "true", class: "spread" });
  for (const decade of [1, 10, 100, 1000, 10_000]) made.append(svg("line", { x1: at(decade), x2: at(decade), y1: 2, y2: 14, class: "rule" }));
  made.append(svg("rect", { x: at(low), y: 6, width: Math.max(2, at(high) - at(low)), height: 4, class: "range" }));
  made.append(svg("rect", { x: at(middle) - 1.5, y: 2, width: 3, height: 12, class: "middle" }));
  return made;
}

/** A bar of that share of its width. */
export function share(value, name) {
  const made = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "share", "aria-hidden": "true" });
  made.append(svg("rect", { width: 100, height: 10, class: "track" }), svg("rect", { width: 100 * value, height: 10, class: `of-${name}` }));
  return made;
}

export function swatch(name) {
  const made = svg("svg", { viewBox: "0 0 10 10", width: 10, height: 10, class: "key", "aria-hidden": "true" });
  made.append(svg("rect", { width: 10, height: 10, class: `of-${name}` }));
  return made;
}
