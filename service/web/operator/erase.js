// Erasing one or many: who it is comes first, and their number has to be typed.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { dialog, field, number, trouble } from "./view.js";

const MOST_LISTED = 200;
const DAYS = 365; // offered

/** `ids`: whom; `idle`: ask for how long they were not seen. `done` is called when somebody is gone. */
export function erase({ ids, idle = false }, done) {
  dialog(t("operator.erase.title"), "erase", (open) => {
    const place = element("div", "", "steps");
    open.append(place);
    let erased = false;
    open.addEventListener("close", () => erased && done());

    const cancel = (text = t("operator.erase.cancel")) => button(text, () => open.close(), "plain cancel");
    const attempt = async (act, again) => {
      place.ariaBusy = "true";
      try {
        await act();
      } catch (problem) {
        place.replaceChildren(trouble(problem, again), cancel());
      }
      place.ariaBusy = "false";
    };
    const preview = (whom) => attempt(async () => confirm(whom, await ask("/people/erase", { fields: { ...whom, preview: true } })), () => preview(whom));

    function confirm(whom, { people: count, user_ids: who, not_found: missing }) {
      if (!count) {
        place.replaceChildren(element("p", t("operator.erase.nobody")), cancel(t("operator.erase.back")));
        return;
      }
      const form = element("form");
      const typed = field(t("operator.erase.type", { count }), { inputMode: "numeric", autocomplete: "off", name: "confirm" });
      const go = element("button", t("operator.erase.go", { count }), "go danger");
      const input = typed.querySelector("input");
      go.disabled = true;
      input.addEventListener("input", () => { go.disabled = input.value.trim() !== String(count); });
      form.append(typed, go, cancel());
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (!go.disabled) attempt(async () => finished(await ask("/people/erase", { fields: { ...whom, confirm: count } })), () => preview(whom));
      });
      place.replaceChildren(
        element("p", t("operator.erase.will", { count }), "will"),
        list(who, count),
        ...(missing.length ? [element("p", t("operator.erase.missing", { count: missing.length }), "small")] : []),
        form,
      );
      input.focus();
    }

    function finished({ erased: count, pending, receipt }) {
      erased = true;
      const said = element("p", t("operator.erase.done", { count }), "said");
      said.role = "status";
      place.replaceChildren(said);
      if (pending) place.append(element("p", t("operator.erase.pending"), "small"));
      if (receipt) place.append(button(t("operator.erase.receipt"), () => save(receipt), "plain"));
      place.append(cancel(t("operator.erase.back")));
      place.lastChild.focus();
    }

    if (!idle) preview({ user_id: ids });
    else {
      const form = element("form");
      const days = field(`${t("operator.erase.idle")} (${t("operator.erase.days")})`, { type: "number", min: 1, max: 99_999, value: DAYS, required: true });
      form.append(days, element("button", t("operator.erase.look"), "go"), cancel());
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        preview({ unseen_days: Number(days.querySelector("input").value) });
      });
      place.append(form);
    }
  });
}

function list(who, count) {
  const made = element("details");
  const listed = who.slice(0, MOST_LISTED);
  const ids = element("ul", "", "ids");
  ids.append(...listed.map((id) => element("li", id)));
  if (count > listed.length) ids.append(element("li", t("operator.erase.more", { count: number(count - listed.length) })));
  made.open = count <= 8;
  made.append(element("summary", t("operator.erase.list")), ids);
  return made;
}

function save(receipt) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(receipt, null, 2)], { type: "application/json" }));
  link.download = "receipt.json";
  link.click();
  URL.revokeObjectURL(link.href);
}
