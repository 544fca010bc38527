// What people agree to: the service's own sentences, a tick for each use, none of them set beforehand.
import { consent, Problem } from "./api.js";
import { element } from "./parts.js";
import { known, t } from "./texts.js";

const ORDER = ["login", "attributes", "overlays", "growth"];

/** A use in a word or two. */
export const useName = (use) => known(`consent.${use}`, use);

/** The needed one first. `use`: of one of `things`. */
export function inOrder(things, use) {
  return [...things].sort((one, other) => ORDER.indexOf(use(one)) - ORDER.indexOf(use(other)));
}

export class Agreement {
  /** `box`: a fieldset with a place for the ticks and a line for the version. */
  constructor(box) {
    Object.assign(this, { box, ticks: box.querySelector(".ticks"), version: box.querySelector(".version"), text: null });
  }

  /** Shows the text as it is now, or the uses that are `wanted` of it; nothing stays ticked. */
  async load(wanted = () => true) {
    const text = await consent();
    this.text = text;
    this.ticks.replaceChildren(...inOrder(text.uses.filter(({ use }) => wanted(use, text)), ({ use }) => use).map(tick));
    this.version.textContent = t("consent.version", { version: text.version });
    this.version.title = `SHA-256 ${text.digest}`;
    for (const drawer of document.querySelectorAll(".offered")) drawer.hidden = text.passphrase === "off";
  }

  async ensure() {
    if (!this.text) await this.load();
  }

  /** The fields to send. Raises a Problem where what is needed is not ticked. */
  async given() {
    await this.ensure();
    const boxes = [...this.ticks.querySelectorAll("input")];
    const missing = boxes.find((box) => box.required && !box.checked);
    if (missing) {
      missing.focus();
      throw new Problem({
        code: "consent_required",
        title: t("consent.missing"),
        advice: t("consent.missing_advice"),
      });
    }
    const uses = boxes.filter((box) => box.checked).map((box) => box.value);
    return {
      uses: uses.join(","),
      consent_digest: this.text.digest,
      attributes: uses.includes("attributes") ? "" : "none",
    };
  }

  /** After the operator has put another text in its place. */
  async renew() {
    await this.load();
    this.ticks.querySelector("input").focus();
  }
}

function tick({ use, text, required }) {
  const label = element("label", "", "tick");
  const box = element("input");
  Object.assign(box, { type: "checkbox", name: "uses", value: use, required });
  const words = element("span");
  const head = element("b", useName(use));
  head.append(" ", element("small", t(required ? "consent.needed" : "consent.optional")));
  const sentence = element("span", text, "sentence");
  words.append(head, sentence);
  label.append(box, words);
  return label;
}
