// Small parts of the page, made from what the service answered.

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
  if (age) rows.push(["Looks", `${Math.round(age.low)} to ${Math.round(age.high)} years old`]);
  if (gender && gender.value !== "unknown") rows.push(["Appears", gender.value]);
  if (emotion && emotion.value !== "unknown") rows.push(["Mood", emotion.value]);
  return rows;
}

/** What is kept of so many photos. */
export const rows = (photos) => `${photos} ${photos === 1 ? "row" : "rows"} of numbers`;

export function date(text) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(new Date(text));
}
