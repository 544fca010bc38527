// What happened: decisions over time, how they ended, how long requests take.
import { element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { share, spread, stacked, swatch } from "./chart.js";
import { choice, drawn, named, number, table } from "./view.js";

const SPANS = ["day", "week", "month"];
const OUTCOMES = ["accepted", "unknown", "ambiguous", "second_factor", "grown_away", "stopped", "record_unreadable"]; // from the bottom up
const NOW = ["people", "flagged", "failing", "stopped", "audit_entries"];
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function activity(panel, { holder }) {
  const filter = choice(t("operator.activity.span"), "span", SPANS.map((name) => [name, t(`operator.activity.${name}`)]), (name) => { location.hash = `activity?span=${name}`; });
  const head = element("div", "", "head");
  const decisions = element("div", "", "decisions");
  const times = element("div", "", "times");
  head.append(element("h2", t("operator.section.activity")), filter);
  panel.append(head, decisions, times);
  let span = "";
  const show = drawn(decisions, async (signal) => sheets(await ask(`/stats?span=${span}`, { signal }), span));
  const showTimes = drawn(times, async (signal) => performance(await ask("/performance", { signal })));
  return (_, query) => {
    const next = SPANS.includes(query.get("span")) ? query.get("span") : "week";
    filter.choose(next);
    if (next === span) return;
    span = next;
    show();
    if (holder().tenant === "default") showTimes();
  };
}

function sheets(stats, span) {
  const logins = inSteps(stats.activity);
  const total = logins.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0);
  const accepted = logins[0].values.reduce((sum, value) => sum + value, 0);
  const parts = [figures(stats), element("h3", t("operator.activity.decisions"))];
  const moments = begins(stats.activity);
  const titles = moments.map((at, i) => [full.format(at), ...logins.filter(({ values }) => values[i]).map(({ name, values }) => `${named("operator.outcome", name)} ${number(values[i])}`)].join("\n"));
  const labels = moments.map((at, i) => labelOf(at, moments[i - 1], span));
  parts.push(stacked(t("operator.activity.chart", { total: number(total), accepted: number(accepted) }), { series: logins, labels, titles }));
  if (!total) parts.push(element("p", t("operator.activity.empty"), "empty"));
  parts.push(figuresTable(moments, logins));
  if (span === "month") parts.push(element("p", t("operator.activity.utc"), "small"));
  const pair = element("div", "", "pair");
  pair.append(outcomes(stats.activity, total), others(stats.activity));
  parts.push(pair);
  return parts;
}

const begins = ({ since, step_seconds: step, steps }) => Array.from({ length: steps }, (_, i) => new Date(new Date(since).getTime() + i * step * 1000));

/** The logins of each outcome, step by step; those that never came are left out, except accepted. */
function inSteps({ since, step_seconds: step, steps, counts }) {
  const found = new Map([["accepted", Array(steps).fill(0)]]);
  const logins = counts.filter(({ kind }) => kind === "login");
  for (const name of [...OUTCOMES, ...logins.map(({ outcome }) => outcome)]) {
    if (logins.some(({ outcome }) => outcome === name) && !found.has(name)) found.set(name, Array(steps).fill(0));
  }
  for (const { at, outcome, count } of logins) found.get(outcome)[Math.round((new Date(at) - new Date(since)) / 1000 / step)] += count;
  return [...found].map(([name, values]) => ({ name, values }));
}

function labelOf(at, before, span) {
  if (span === "day") return at.getHours() % 3 === 0 ? hour.format(at) : "";
  if (before?.getDate() === at.getDate()) return "";
  return (span === "week" ? weekday : date).format(at);
}

function figures(stats) {
  const made = element("dl", "", "figures");
  made.ariaLabel = t("operator.activity.figures");
  for (const name of NOW) {
    const cell = element("div");
    cell.append(element("dt", t(`operator.activity.${name}`)), element("dd", number(stats[name])));
    if (name === "failing" || name === "stopped") cell.title = t(`operator.activity.${name}_means`);
    made.append(cell);
  }
  return made;
}

function figuresTable(moments, series) {
  const made = element("details", "", "alternative");
  const columns = [t("operator.activity.when"), ...series.map(({ name }) => ({ name: named("operator.outcome", name), kind: "count" }))];
  const rows = moments.map((at, i) => [full.format(at), ...series.map(({ values }) => number(values[i]))]);
  made.append(element("summary", t("operator.activity.table")), table(t("operator.activity.decisions"), columns, rows));
  return made;
}

function outcomes({ counts }, total) {
  const logins = counts.filter(({ kind }) => kind === "login");
  const sum = (outcome, mode) => logins.filter((each) => each.outcome === outcome && (!mode || each.mode === mode)).reduce((all, { count }) => all + count, 0);
  const there = [...new Set([...OUTCOMES, ...logins.map(({ outcome }) => outcome)])].filter((name) => sum(name) || name === "accepted");
  const rows = there.map((name) => {
    const what = element("span", "", "outcome");
    what.append(swatch(name), named("operator.outcome", name));
    const part = element("span", "", "part");
    part.append(share(total ? sum(name) / total : 0, name), `${total ? Math.round((100 * sum(name)) / total) : 0} %`);
    return [what, number(sum(name, "1:1")), number(sum(name, "1:N")), part];
  });
  const columns = [
    t("operator.activity.outcome"), { name: t("operator.activity.one"), kind: "count" },
    { name: t("operator.activity.many"), kind: "count" }, { name: t("operator.activity.share"), kind: "wide" },
  ];
  return table(t("operator.activity.outcomes"), columns, rows, { showCaption: true });
}

function others({ counts }) {
  const sums = new Map();
  for (const { kind, outcome, count } of counts) {
    if (kind === "login") continue;
    const name = [named("operator.kind", kind), outcome && named("operator.outcome", outcome)].filter(Boolean).join(", ");
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  const columns = [t("operator.activity.what"), { name: t("operator.activity.count"), kind: "count" }];
  const rows = [...sums].map(([name, count]) => [name, number(count)]);
  return table(t("operator.activity.other"), columns, rows, { showCaption: true, empty: t("operator.none") });
}

function performance({ latency, refusals }) {
  const count = (name) => ({ name, kind: "count" });
  const columns = [
    { name: t("operator.activity.route"), kind: "mono" }, count(t("operator.activity.requests")),
    count("p50 ms"), count("p95 ms"), count("p99 ms"), { name: t("operator.activity.spread"), kind: "wide" },
  ];
  const rows = latency.map((each) => {
    const times = [each.p50_ms, each.p95_ms, each.p99_ms];
    return [each.route, number(each.requests), ...times.map(number), spread(times)];
  });
  const refused = [...refusals].sort((one, other) => other.count - one.count).map(({ route, code, count: many }) => [route, code, number(many)]);
  return [
    element("h3", t("operator.activity.latency")),
    element("p", t("operator.activity.latency_of"), "small"),
    table(t("operator.activity.latency"), columns, rows, { empty: t("operator.activity.latency_empty"), kind: "cards" }),
    element("h3", t("operator.activity.refusals")),
    table(t("operator.activity.refusals"), [{ name: t("operator.activity.route"), kind: "mono" }, { name: t("operator.activity.code"), kind: "mono" }, count(t("operator.activity.count"))], refused, { empty: t("operator.none"), kind: "cards" }),
  ];
}
