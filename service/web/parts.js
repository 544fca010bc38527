// Small parts of the page, made from what the service answered.
import { t } from "./texts.js";

export function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

export function button(text, act, kind = "plain") {
  const made = element("button", text, kind);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A list of names and what they are. */
export function facts(rows) {
  const list = element("dl");
  for (const [name, value, kind] of rows) list.append(element("dt", name), element("dd", value, kind));
  return list;
}

/** Apparent attributes as rows; what was left out or not sure has none. */
export function looks({ age, gender, emotion } = {}) {
  const rows = [];
  if (age) rows.push([t("parts.looks"), t("parts.years", { low: Math.round(age.low), high: Math.round(age.high) })]);
  if (gender && gender.value !== "unknown") rows.push([t("parts.appears"), gender.value]);
  if (emotion && emotion.value !== "unknown") rows.push([t("parts.mood"), emotion.value]);
  return rows;
}

/** What is kept of so many photos. */
export const rows = (photos) => t("parts.rows", { count: photos });

export function date(text) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(new Date(text));
}
