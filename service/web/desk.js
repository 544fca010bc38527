// What the ways of hiding share: one stage and its state, the gallery, the privacy report, words and failures.
import { Problem } from "./api.js";
import { Gallery } from "./gallery.js";
import { button, element } from "./parts.js";
import { Privacy } from "./privacy.js";
import { t } from "./texts.js";
import { words } from "./words.js";

export class Desk {
  /** `changed` is called when another style is chosen. */
  constructor(root, changed) {
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, stage: find(".stage"), line: find(".hint"), notice: find(".notice"), result: find(".result") });
    this.gallery = new Gallery(find(".gallery"), changed);
    this.privacy = new Privacy(find(".report"), t("privacy.empty"));
  }

  show(state) {
    this.root.dataset.state = state;
  }

  busy(on) {
    this.stage.toggleAttribute("data-busy", on);
  }

  hint(text, tone = "wait") {
    this.line.textContent = text;
    this.line.dataset.tone = tone;
  }

  /** What was done, and what it is worth. */
  tell(title, lines = []) {
    this.result.replaceChildren(element("strong", title), ...lines.map((line) => element("p", line)));
  }

  say(text) {
    this.result.append(element("p", text));
  }

  quiet() {
    this.notice.hidden = true;
    this.notice.replaceChildren();
    this.result.replaceChildren();
  }

  problem(code) {
    return new Problem({ code, title: t(`hide.problem.${code}.title`), advice: t(`hide.problem.${code}.advice`) });
  }

  /** A failure that may pass by itself offers to do it `again`. */
  passing(problem, again) {
    const passes = problem.code === "unreachable" || problem.retryAfter > 0;
    this.fail(problem, ...(passes ? [button(t("hide.again"), again)] : []));
  }

  /** `more`: nodes below the words, such as a button that helps. */
  fail(problem, ...more) {
    const known = problem instanceof Problem;
    if (!known) console.error(problem);
    const own = words.hide.problem[problem.code];
    const title = own?.title ?? (known ? problem.title : t("hide.problem.page.title"));
    const advice = own?.advice ?? (known ? problem.advice : t("hide.problem.page.advice"));
    this.notice.dataset.code = known ? problem.code : "page";
    this.notice.replaceChildren(element("strong", title), element("p", advice), ...more);
    this.notice.hidden = false;
  }
}
