// What a person has to keep: their ID and the recovery code, shown once, to copy or to print.
import { button, date, element } from "./parts.js";

const WHAT_FOR =
  "Should your face be of no use one day, the ID and this code together open your record, once. " +
  "The code is shown only now: keep it where you keep passwords.";

export function slip(userId, code) {
  const card = element("div", "", "slip");
  card.tabIndex = -1; // for who has just asked for it
  card.append(
    ...line("Your ID", userId, "id"),
    ...line("Recovery code", code, "code"),
    element("p", WHAT_FOR),
    element("p", `facewarden at ${location.host}, ${date(Date.now())}`, "imprint"),
    button("Print both", () => print(card), "link"),
  );
  return card;
}

function line(name, value, kind) {
  const head = element("div", "", "head");
  const shown = element("code", value, kind);
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(value);
      copy.textContent = "Copied";
      copy.ariaLabel = `Copied: ${name}`;
    } catch {
      getSelection().selectAllChildren(shown); // the clipboard is not allowed: leave it selected
    }
  }, "link");
  copy.ariaLabel = `Copy: ${name}`;
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
