// Single keys for who is here all day; they can be switched off, and do nothing while one types.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { dialog } from "./view.js";

let on = true;

/** `tabs`: gives those that can be chosen. Gives what opens the list. */
export function shortcuts(tabs) {
  const acts = { "/": search, "?": list, j: () => press(".next"), k: () => press(".previous") };
  addEventListener("keydown", (event) => {
    if (!on || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea")) return;
    const act = acts[event.key] ?? (event.key >= "1" && event.key <= "9" ? () => tabs()[event.key - 1]?.click() : null);
    if (!act || document.getElementById("desk").hidden) return;
    event.preventDefault();
    act();
  });

  function search() {
    location.hash = "people";
    setTimeout(() => document.querySelector("#panel-people input[type=search]")?.focus());
  }
  return list;
}

const press = (which) => document.querySelector(`.panel:not([hidden]) ${which}:not(:disabled)`)?.click();

function list() {
  dialog(t("operator.shortcuts.title"), "shortcuts", (place) => {
    const rows = element("dl");
    for (const [keys, name] of [["/", "search"], ["1–7", "sections"], ["k j", "move"], ["?", "help"]]) {
      const key = element("dt");
      key.append(...keys.split(" ").map((each) => element("kbd", each)));
      rows.append(key, element("dd", t(`operator.shortcuts.${name}`)));
    }
    const label = element("label", "", "tick");
    const box = Object.assign(element("input"), { type: "checkbox", checked: on });
    box.addEventListener("change", () => { on = box.checked; });
    label.append(box, element("span", t("operator.shortcuts.off")));
    place.append(rows, label, button(t("operator.close"), () => place.close(), "plain"));
  });
}
