// A passphrase field in its drawer: what is out of sight is not sent, and what is typed can be looked at.
import { Problem } from "./api.js";
import { t } from "./texts.js";

const SHORTEST = 8; // characters, as the service counts them

/** Wires the field inside `root`, which may lie in a closed drawer. */
export class Secret {
  constructor(root) {
    const [input, peek] = [root.querySelector(".secret input"), root.querySelector(".secret button")];
    Object.assign(this, { input, peek, drawer: input.closest("details") });
    peek.addEventListener("click", () => this.show(input.type === "password"));
    this.drawer.addEventListener("toggle", () => !this.drawer.open && this.empty());
  }

  show(plain) {
    this.input.type = plain ? "text" : "password";
    this.peek.textContent = t(plain ? "secret.hide" : "secret.show");
    this.peek.setAttribute("aria-pressed", String(plain));
  }

  empty() {
    this.input.value = "";
    this.show(false);
  }

  open() {
    this.drawer.open = true;
    this.input.focus();
  }

  /** What was typed, or nothing. */
  get value() {
    return this.input.value;
  }

  /** The same for a new one. Raises a Problem where it is too short. */
  get chosen() {
    if (this.value && [...this.value.normalize("NFKC")].length < SHORTEST) {
      this.input.focus();
      throw new Problem({
        code: "passphrase_too_short",
        title: t("secret.too_short"),
        advice: t("secret.too_short_advice", { count: SHORTEST }),
      });
    }
    return this.value;
  }
}
