// The audit log from its end, and whether it is whole.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { words } from "../words.js";
import { ask } from "./ask.js";
import { drawn, field, moment, named, number, table, tag } from "./view.js";

const PAGE = 100;
const FAULTS_SHOWN = 5;
const AT_ONCE = 50_000; // entries that are checked unasked, in a few seconds

export function log(panel, { holder }) {
  const state = element("div", "", "whole");
  const place = element("div", "", "results");
  const filter = element("form", "", "filter");
  const head = element("div", "", "head");
  head.append(element("h2", t("operator.section.log")), filter);
  panel.append(head, state, place);
  const kind = select();
  const person = field(t("operator.log.person"), { type: "search", maxLength: 36, autocomplete: "off", spellcheck: false });
  const input = person.querySelector("input");
  filter.append(kind.parentElement, ...(holder().role === "admin" ? [person] : []), element("button", t("operator.log.show"), "plain small"));
  kind.addEventListener("change", () => filter.requestSubmit());
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    go(input.value.trim(), kind.value, null);
  });

  const show = drawn(place, async (signal, id, which, before) => {
    const query = new URLSearchParams({ newest: true, limit: PAGE + 1, ...(which && { kind: which }), ...(id && { user_id: id }), ...(before && { before }) });
    const { entries } = await ask(`/audit?${query}`, { signal });
    return [list(entries.slice(0, PAGE)), pager(entries, id, which, before)];
  });
  const check = drawn(state, async (signal, asked) => {
    const count = asked ? 0 : (await ask("/stats", { signal })).audit_entries;
    if (count > AT_ONCE) return [button(t("operator.log.check_all", { count: number(count) }), () => check(true), "plain small")];
    return [told(await ask("/audit/state", { signal }))];
  });
  if (holder().tenant === "default") check();
  else state.append(element("p", t("operator.log.not_yours"), "small"));

  function go(id, which, before) {
    const query = new URLSearchParams({ ...(which && { kind: which }), ...(before && { before }) });
    location.hash = `log${id && `/${id}`}${query.size ? `?${query}` : ""}`;
  }

  function told({ entries, whole, findings, checked_at: at }) {
    const made = element("p", "", whole ? "seal good" : "seal broken");
    made.role = whole ? "status" : "alert";
    const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(new Date(at));
    made.append(element("b", whole ? t("operator.log.whole", { count: entries, time }) : t("operator.log.broken", { count: findings.length })));
    for (const { fault, number: entry } of findings.slice(0, FAULTS_SHOWN)) made.append(element("span", t(`operator.log.${fault}`, { number: number(entry) })));
    made.append(button(t("operator.log.check"), () => check(true), "link"));
    return made;
  }

  function pager(entries, id, which, before) {
    const made = element("nav", "", "pager");
    made.ariaLabel = t("operator.log.caption");
    const newest = button(t("operator.log.newest"), () => go(id, which, null), "plain small previous");
    const older = button(t("operator.log.older"), () => go(id, which, entries[PAGE - 1].number), "plain small next");
    newest.disabled = !before;
    older.disabled = entries.length <= PAGE;
    made.append(element("span"), newest, older);
    return made;
  }

  return (id, query) => {
    kind.value = query.get("kind") ?? "";
    input.value = id;
    show(id, kind.value, Number(query.get("before")) || null);
  };
}

function select() {
  const label = element("label", "", "field");
  const made = element("select");
  made.append(new Option(t("operator.log.any"), ""), ...Object.entries(words.operator.kind).map(([value, text]) => new Option(text, value)));
  label.append(element("b", t("operator.log.kind")), made);
  return made;
}

function list(entries) {
  const columns = [
    { name: t("operator.log.number"), kind: "count" }, t("operator.log.when"), t("operator.log.kind"),
    { name: t("operator.log.whom"), kind: "mono" }, { name: t("operator.log.details"), kind: "wide" },
  ];
  const rows = entries.map((each) => {
    const whom = element("span", each.person?.slice(0, 10) ?? "");
    if (each.person) whom.title = each.person;
    return [number(each.number), moment(each.at), named("operator.kind", each.kind), whom, details(each.details)];
  });
  return table(t("operator.log.caption"), columns, rows, { empty: t("operator.log.empty"), kind: "cards entries" });
}

function details({ outcome, ...others }) {
  const made = element("span", "", "details");
  if (outcome) made.append(tag(named("operator.outcome", outcome), outcome === "accepted" ? "good" : "warn"));
  for (const [name, value] of Object.entries(others)) {
    if (value === null || value === "" || value === false) continue;
    const part = element("span");
    const shown = String(value);
    part.append(element("i", name.replaceAll("_", " ")), ` ${shown.length > 24 ? `${shown.slice(0, 12)}…` : shown}`);
    if (shown.length > 24) part.title = shown;
    made.append(part);
  }
  return made;
}
