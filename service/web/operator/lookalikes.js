// Who could be taken for whom: asked for by a button, since everybody is compared with everybody.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { drawn, link, number, table } from "./view.js";

export function lookalikes(panel) {
  const head = element("div", "", "head");
  const place = element("div", "", "results");
  const run = button(t("operator.lookalikes.run"), compare, "plain small run");
  head.append(element("h2", t("operator.section.lookalikes")), run);
  panel.append(head, element("p", t("operator.lookalikes.lead"), "small"), place);
  let stop = null;
  const show = drawn(place, async (signal) => sheets(await ask("/lookalikes", { signal: AbortSignal.any([signal, stop.signal]), tell: bar() })));

  async function compare() {
    if (stop) return stop.abort();
    stop = new AbortController();
    run.textContent = t("operator.lookalikes.stop");
    await show();
    const stopped = stop.signal.aborted;
    if (stopped) place.replaceChildren();
    stop = null;
    run.textContent = t(stopped ? "operator.lookalikes.run" : "operator.lookalikes.again");
  }

  function bar() {
    const made = Object.assign(element("progress"), { value: 0 });
    made.ariaLabel = t("operator.lookalikes.running");
    place.replaceChildren(made);
    return (share) => { made.value = share; };
  }
  return () => {};
}

function sheets(told) {
  const verdict = element("p", t(`operator.lookalikes.verdict.${told.verdict}`), `seal ${told.verdict === "not_for_everybody" ? "broken" : "good"}`);
  verdict.role = "status";
  const figures = element("dl", "", "figures");
  const add = (value, name) => {
    const cell = element("div");
    cell.append(element("dt", name), element("dd", number(value)));
    figures.append(cell);
  };
  add(told.people, t("operator.lookalikes.people"));
  add(told.own_accepted, t("operator.lookalikes.again_own", { of: number(told.own_captures), expected: number(told.own_expected) }));
  add(told.others_accepted, t("operator.lookalikes.others", { of: number(told.others_comparisons), expected: number(told.others_expected) }));
  add(told.single_capture, t("operator.lookalikes.single"));
  if (told.other_model) add(told.other_model, t("operator.lookalikes.other_model"));
  return [verdict, figures, ...pairs(told), ...refused(told)];
}

function pairs({ pairs: found, pair_count: count }) {
  const word = (yes) => t(`operator.lookalikes.${yes ? "yes" : "no"}`);
  const rows = found.map(({ user_ids: ids, fmr, verification, identification }) => [link(ids[0]), link(ids[1]), String(fmr), word(verification), word(identification)]);
  const columns = [t("operator.lookalikes.one"), t("operator.lookalikes.other"), { name: t("operator.lookalikes.fmr"), kind: "count" }, t("operator.lookalikes.verification"), t("operator.lookalikes.identification")];
  return [table(t("operator.lookalikes.pairs"), columns, rows, { showCaption: true, kind: "cards", empty: t("operator.lookalikes.none_pairs") }), ...more(found.length, count)];
}

function refused({ refused: found, refused_count: count }) {
  const rows = found.map(({ user_id: id, captures, accepted }) => [link(id), number(captures), number(accepted)]);
  const columns = [t("operator.people.id"), { name: t("operator.lookalikes.captures"), kind: "count" }, { name: t("operator.lookalikes.accepted"), kind: "count" }];
  return [table(t("operator.lookalikes.refused"), columns, rows, { showCaption: true, kind: "cards", empty: t("operator.lookalikes.none_refused") }), ...more(found.length, count)];
}

const more = (shown, count) => (count > shown ? [element("p", t("operator.lookalikes.more", { shown: number(shown), count: number(count) }), "small")] : []);
