// What a person has to keep: their ID and the recovery code, shown once, to copy or to print.
import { button, date, element } from "./parts.js";
import { t } from "./texts.js";

export function slip(userId, code) {
  const card = element("div", "", "slip");
  card.tabIndex = -1; // for who has just asked for it
  card.append(
    ...line(t("slip.id"), userId, "id"),
    ...line(t("slip.code"), code, "code"),
    element("p", t("slip.what_for")),
    element("p", t("slip.imprint", { host: location.host, date: date(Date.now()) }), "imprint"),
    button(t("slip.print"), () => print(card), "link"),
  );
  return card;
}

function line(name, value, kind) {
  const head = element("div", "", "head");
  const shown = element("code", value, kind);
  const copy = button(t("slip.copy"), async () => {
    try {
      await navigator.clipboard.writeText(value);
      copy.textContent = t("slip.copied");
      copy.ariaLabel = t("slip.copied_what", { what: name });
    } catch {
      getSelection().selectAllChildren(shown); // the clipboard is not allowed: leave it selected
    }
  }, "link");
  copy.ariaLabel = t("slip.copy_what", { what: name });
  head.append(element("span", name), copy);
  return [head, shown];
}

/** On a sheet of its own: the rest of the page stays out of it. */
function print(card) {
  const sheet = card.cloneNode(true);
  sheet.classList.add("sheet");
  document.body.append(sheet);
  addEventListener("afterprint", () => sheet.remove(), { once: true });
  window.print();
}
