// What every section is made of: states of loading and trouble, tables that become cards, moments, dialogs.
import { button, element } from "../parts.js";
import { t } from "../texts.js";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const plain = new Intl.NumberFormat();
const away = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS = [["minute", 60], ["hour", 3600], ["day", 86_400], ["month", 2_629_800], ["year", 31_557_600]];

export const number = (value) => plain.format(value);

/** The text of a group that has this value, or the value itself: the service may know more than this page. */
export function named(group, value) {
  try {
    return t(`${group}.${value}`);
  } catch {
    return String(value).replaceAll("_", " ");
  }
}

/** A moment; `kind`: day, minute or ago. */
export function moment(text, kind = "minute") {
  if (!text) return element("span", t("operator.never"), "quiet");
  const at = new Date(text);
  const made = element("time", kind === "ago" ? ago(at) : (kind === "day" ? day : minute).format(at));
  made.dateTime = text;
  made.title = exact.format(at);
  return made;
}

function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  const [unit, length] = STEPS.findLast(([, least]) => Math.abs(seconds) >= least) ?? STEPS[0];
  return away.format(Math.round(seconds / length), unit);
}

export function tag(text, kind = "", title = "") {
  const made = element("span", text, `tag ${kind}`);
  if (title) made.title = title;
  return made;
}

/** A table; on a narrow screen each row is a card. `columns`: names, or {name, kind, hidden}; `rows`: lists of texts or nodes. */
export function table(caption, columns, rows, { empty = "", kind = "", showCaption = false } = {}) {
  const heads = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  const made = element("table", "", `grid ${kind}`);
  made.role = "table";
  made.append(element("caption", caption, showCaption ? "" : "unseen"));
  const head = made.createTHead().insertRow();
  head.role = "row";
  for (const { name, kind: cell = "", content } of heads) {
    const th = element("th", content ? "" : name, cell);
    th.scope = "col";
    th.role = "columnheader";
    if (content) th.append(content);
    head.append(th);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    line.role = "row";
    row.forEach((value, i) => {
      const cell = line.insertCell();
      cell.role = "cell";
      cell.className = heads[i].kind ?? "";
      cell.dataset.name = heads[i].name;
      cell.append(value ?? "");
    });
  }
  const frame = element("div", "", "frame");
  frame.role = "group";
  frame.ariaLabel = caption;
  frame.append(made);
  new ResizeObserver(() => { // who has no mouse scrolls what does not fit
    if (frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }).observe(frame);
  if (!rows.length && empty) frame.append(element("p", empty, "empty"));
  return frame;
}

/** Gray lines in the place of rows that are on their way. */
export function waiting(lines = 8) {
  const made = element("div", "", "skeleton");
  made.ariaHidden = "true";
  for (let i = 0; i < lines; i += 1) made.append(element("i"));
  return made;
}

/** A function that draws into `place`, one drawing at a time; what goes wrong is shown there, with a way to try again. */
export function drawn(place, draw) {
  let current = null;
  const show = async (...given) => {
    current?.abort();
    const mine = (current = new AbortController());
    place.ariaBusy = "true";
    if (!place.firstChild || place.querySelector(":scope > .trouble")) place.replaceChildren(waiting());
    try {
      const parts = await draw(mine.signal, ...given);
      if (!mine.signal.aborted && parts) place.replaceChildren(...parts);
    } catch (error) {
      if (!mine.signal.aborted) place.replaceChildren(trouble(error, () => show(...given)));
    } finally {
      if (current === mine) place.ariaBusy = "false";
    }
  };
  return show;
}

export function trouble(problem, again) {
  const made = element("div", "", "notice trouble");
  made.role = "alert";
  made.dataset.code = problem.code ?? "";
  made.append(element("strong", problem.title ?? String(problem)), element("p", problem.advice ?? ""));
  if (again) made.append(button(t("operator.again"), again, "plain small again"));
  return made;
}

/** Opens a dialog that goes when it is closed; `fill` gets it. */
export function dialog(title, kind, fill) {
  const made = element("dialog", "", kind);
  const head = element("h2", title);
  head.id = `dialog-${kind}`;
  made.setAttribute("aria-labelledby", head.id);
  made.append(head);
  document.body.append(made);
  made.addEventListener("close", () => made.remove());
  fill(made);
  made.showModal();
  return made;
}

/** To a person. */
export function link(id) {
  const made = element("a", id.slice(0, 8), "id");
  made.append(element("span", id.slice(8), "rest"));
  made.href = `#people/${id}`;
  made.ariaLabel = id;
  return made;
}

export function copier(value, name) {
  const made = button(t("operator.copy"), async () => {
    try {
      await navigator.clipboard.writeText(value);
      made.textContent = t("operator.copied");
    } catch {
      getSelection().selectAllChildren(made.previousElementSibling); // not allowed: leave it selected
    }
  }, "link");
  made.ariaLabel = `${t("operator.copy")}: ${name}`;
  return made;
}

/** One of several, as buttons side by side; `choose` of what it gives shows another as chosen. */
export function choice(legend, name, options, act) {
  const made = element("fieldset", "", "choice");
  made.append(element("legend", legend, "unseen"));
  const inputs = options.map(([value, text]) => {
    const label = element("label");
    const input = Object.assign(element("input"), { type: "radio", name, value });
    input.addEventListener("change", () => act(value));
    label.append(input, element("span", text));
    made.append(label);
    return input;
  });
  made.choose = (value) => inputs.forEach((input) => { input.checked = input.value === value; });
  return made;
}

export function field(text, attributes, hint = "") {
  const made = element("label", "", "field");
  const input = element("input");
  Object.assign(input, attributes);
  made.append(element("b", text));
  if (hint) made.append(element("span", hint));
  made.append(input);
  return made;
}
