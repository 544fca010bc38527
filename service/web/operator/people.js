// Who is enrolled: pages of them, a search, and a choice of whom to erase.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { erase } from "./erase.js";
import { person } from "./person.js";
import { choice, drawn, link, moment, named, number, table, tag } from "./view.js";

const PAGE = 50;
const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const WHICH = ["all", "flagged", "unreadable"];

export function people(panel) {
  const chosen = new Set();
  const place = element("div", "", "results");
  const bar = element("div", "", "chosen");
  const total = element("span", "", "total");
  let at = { which: "all", from: 0 };
  const show = drawn(place, draw);
  const again = () => { chosen.clear(); tell(); show(); };

  const head = element("div", "", "head");
  const title = element("h2", t("operator.section.people"));
  title.append(total);
  const filter = choice(t("operator.people.which"), "which", WHICH.map((name) => [name, t(`operator.people.${name}`)]), (name) => go(name, 0));
  head.append(title, search(), filter, button(t("operator.people.idle"), () => erase({ idle: true }, again), "plain small"));
  bar.role = "status";
  panel.append(head, place, bar);

  function go(which, from) {
    const query = new URLSearchParams({ ...(which !== "all" && { which }), ...(from && { from }) });
    location.hash = query.size ? `people?${query}` : "people";
  }

  async function draw(signal) {
    const { which, from } = at;
    const page = await ask(`/people?which=${which}&offset=${from}&limit=${PAGE}`, { signal });
    if (!page.people.length && from) return go(which, Math.max(0, Math.floor((page.total - 1) / PAGE) * PAGE));
    total.textContent = number(page.total);
    return [list(page.people), pager(page)];
  }

  function list(found) {
    const all = tick(t("operator.people.select_all"), () => {
      for (const box of place.querySelectorAll("td input")) {
        box.checked = all.checked;
        mark(box.value, box.checked);
      }
    });
    const boxes = found.map(({ user_id: id }) => {
      const box = tick(t("operator.people.select_one", { id }), () => mark(id, box.checked));
      box.value = id;
      box.checked = chosen.has(id);
      return box;
    });
    const columns = [
      { name: t("operator.people.select"), kind: "box", content: all },
      { name: t("operator.people.id"), kind: "mono" },
      t("operator.people.enrolled"),
      t("operator.people.seen"),
      { name: t("operator.people.photos"), kind: "count" },
      t("operator.people.looks"),
      t("operator.people.flags"),
    ];
    const rows = found.map((each, i) => [
      boxes[i], link(each.user_id), moment(each.enrolled_at, "day"), moment(each.last_login_at, "ago"),
      number(each.photos), looks(each.attributes), flags(each),
    ]);
    const empty = t(`operator.people.${at.which === "all" ? "empty" : `empty_${at.which}`}`);
    return table(t("operator.people.caption"), columns, rows, { empty, kind: "cards" });
  }

  function mark(id, on) {
    if (on) chosen.add(id);
    else chosen.delete(id);
    tell();
  }

  function tell() {
    bar.replaceChildren();
    if (!chosen.size) {
      place.querySelectorAll("input").forEach((box) => { box.checked = false; });
      return;
    }
    bar.append(
      element("b", t("operator.people.chosen", { count: chosen.size })),
      button(t("operator.people.erase"), () => erase({ ids: [...chosen] }, again), "plain small danger"),
      button(t("operator.people.clear"), () => { chosen.clear(); tell(); }, "link"),
    );
  }

  function pager({ total: count, people: shown }) {
    const made = element("nav", "", "pager");
    made.ariaLabel = t("operator.people.caption");
    const { which, from } = at;
    const back = button(t("operator.people.back"), () => go(which, Math.max(0, from - PAGE)), "plain small previous");
    const on = button(t("operator.people.on"), () => go(which, from + PAGE), "plain small next");
    back.disabled = !from;
    on.disabled = from + shown.length >= count;
    const values = { from: number(shown.length ? from + 1 : 0), to: number(from + shown.length), total: number(count) };
    made.append(element("span", t("operator.people.shown", values)), back, on);
    return made;
  }

  return (id, query) => {
    const which = WHICH.includes(query.get("which")) ? query.get("which") : "all";
    const next = id ? at : { which, from: Math.max(0, Math.trunc(Number(query.get("from")) || 0)) };
    if (!place.firstChild || next.which !== at.which || next.from !== at.from) {
      at = next;
      show();
    }
    filter.choose(at.which);
    document.querySelectorAll("dialog.person").forEach((open) => open.close());
    if (UUID.test(id)) person(id, { changed: again, closed: () => { if (location.hash.startsWith("#people/")) go(at.which, at.from); } });
  };
}

function search() {
  const form = element("form", "", "search");
  const input = Object.assign(element("input"), { type: "search", maxLength: 200, placeholder: t("operator.people.search"), autocomplete: "off" });
  input.ariaLabel = t("operator.people.search");
  const said = element("p", "", "said");
  said.role = "status";
  const go = element("button", t("operator.people.find"), "plain small");
  form.role = "search";
  form.append(input, go, said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = input.value.trim();
    said.textContent = "";
    if (!value) return;
    try {
      const found = UUID.test(value) ? await ask(`/people/${value}`) : await ask("/people/find", { fields: { reference: value } });
      input.value = "";
      location.hash = `people/${found.user_id}`;
    } catch (problem) {
      said.textContent = problem.code === "unknown_user" ? t("operator.people.nobody") : `${problem.title}. ${problem.advice}`;
    }
  });
  return form;
}

function tick(name, act) {
  const box = Object.assign(element("input"), { type: "checkbox" });
  box.ariaLabel = name;
  box.addEventListener("change", act);
  return box;
}

export function looks(attributes) {
  const { age, gender } = attributes ?? {};
  const words = [];
  if (age) words.push(t("operator.people.years", { low: Math.round(age.low), high: Math.round(age.high) }));
  if (gender && gender.value !== "unknown") words.push(gender.value);
  return words.length ? words.join(", ") : element("span", t("operator.none"), "quiet");
}

export function flags({ flagged, flag_reason: reason, readable }) {
  const made = element("span", "", "flags");
  const kinds = [flagged && (reason ?? "look_alike"), !readable && "unreadable"].filter(Boolean);
  made.append(...kinds.map((kind) => tag(named("operator.flag", kind), kind === "unreadable" ? "bad" : "warn", named("operator.flagged_for", kind))));
  return made;
}
