// The settings in force, as they are.
import { element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { drawn, named, table, tag } from "./view.js";

export function settings(panel, { holder }) {
  const place = element("div", "", "results");
  const head = element("div", "", "head");
  const label = element("label", "", "tick");
  const only = Object.assign(element("input"), { type: "checkbox" });
  label.append(only, element("span", t("operator.settings.set_only")));
  head.append(element("h2", t("operator.section.settings")), label);
  panel.append(head, element("p", t("operator.settings.secret"), "small"), place);
  const show = drawn(place, async (signal) => [list((await ask("/settings", { signal })).settings, only.checked)]);
  only.addEventListener("change", () => show());
  if (holder().tenant !== "default") {
    panel.replaceChildren(head, element("p", t("operator.settings.not_yours")));
    return () => {};
  }
  return () => show();
}

function list(found, only) {
  const rows = found.filter(({ source }) => !only || source !== "default").map(({ name, value, source, meaning }) => {
    const what = element("span");
    what.append(element("code", name), element("small", meaning));
    return [what, element("code", shown(value)), source === "default" ? element("span", t("operator.settings.default"), "quiet") : tag(named("operator.settings", source), "good")];
  });
  const columns = [t("operator.settings.name"), { name: t("operator.settings.value"), kind: "wide" }, t("operator.settings.source")];
  return table(t("operator.settings.caption"), columns, rows, { empty: t("operator.settings.empty"), kind: "cards tall" });
}

function shown(value) {
  if (value === null || (Array.isArray(value) && !value.length)) return "–";
  return Array.isArray(value) ? value.join(", ") : String(value);
}
