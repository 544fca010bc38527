// What somebody who is in sees and may do: what is kept, what they agreed to, a passphrase, a code, their data, erasure.
import { mine, Problem } from "./api.js";
import { Agreement, inOrder, useName } from "./consent.js";
import { button, date, element, facts, looks, rows } from "./parts.js";
import { Secret } from "./secret.js";
import { slip } from "./slip.js";
import { known, t } from "./texts.js";
import { language } from "./words.js";

const FOR_LATER = 60_000; // ms until the memory of a download is given back: by then the browser has it

/** `title`, `found`, `before`, `emotion`, `assurance`: of this login. After a recovery `userId` and `code`, the next code to keep. */
export async function openRecord(entry) {
  const record = new Record(entry, mine(entry.token));
  if (entry.code) record.open(); // first of all: it is told only once
  await record.refresh();
  if (!entry.code) record.open();
}

class Record {
  constructor(entry, my) {
    const root = document.getElementById("record").content.cloneNode(true);
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, {
      entry, my, root, userId: entry.userId, stage: entry.stage, told: find(".told"), facts: find(".facts"), said: find(".said"),
      uses: find(".uses"), agreed: find(".agreed .is"), factor: find(".factor .is"), choose: find(".factor form"),
      drop: find(".drop"), renew: find(".renewal"), secret: new Secret(find(".factor")), drawer: find(".agreed"),
      offer: find(".offer"), agreement: new Agreement(find(".offer")),
    });
    this.drawer.addEventListener("toggle", () => this.drawer.open && this.act(() => this.offered()));
    this.offer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(() => this.agreedTo());
    });
    find("h3").textContent = entry.title;
    this.choose.addEventListener("submit", (event) => this.chosen(event));
    this.drop.addEventListener("click", () => this.act(() => this.dropped()));
    find(".renew").addEventListener("click", () => this.act(() => this.renewed()));
    find(".download").addEventListener("click", () => this.act(() => this.downloaded()));
    find(".leave").addEventListener("click", () => this.act(() => this.left()));
    find(".erase").addEventListener("click", () => this.confirm(() => this.my.erase()));
  }

  open() {
    this.stage.finish(...this.root.children);
    this.ending = setTimeout(() => this.ended(), lasting(this.entry.token));
    if (this.entry.code) this.told.append(slip(this.userId, this.entry.code));
  }

  async refresh() {
    const { entry } = this;
    const kept = await this.my.show();
    Object.assign(this, { kept, userId: kept.user_id });
    this.facts.replaceChildren(facts([
      [t("record.you"), kept.user_id, "id"],
      ...(kept.metadata?.label ? [[t("record.name"), kept.metadata.label]] : []),
      ...(kept.metadata?.reference ? [[t("record.reference"), kept.metadata.reference]] : []),
      [t("record.since"), date(kept.enrolled_at)],
      ...(entry.before === undefined ? [] : [[t("record.last"), entry.before ? date(entry.before) : t("record.never")]]),
      [t("record.kept"), t("record.no_picture", { rows: rows(kept.photos) })],
      ...looks(kept.attributes ? { ...kept.attributes, emotion: entry.emotion ?? kept.attributes.emotion } : {}),
      ...(entry.found ? [[t("record.found"), entry.found]] : []),
      [t("record.sure"), known(`record.acr.${kept.acr}`, kept.acr)],
      ...(entry.assurance ? [[t("record.fmr"), oneIn(entry.assurance.fmr)]] : []),
    ]));
    this.uses.replaceChildren(...inOrder(kept.uses, (use) => use).map((use) => this.use(use)));
    this.agreed.textContent = t("record.uses", { count: kept.uses.length });
    this.factor.textContent = t(kept.passphrase ? "record.set" : "record.none");
    this.choose.querySelector(".set").textContent = t(kept.passphrase ? "record.change_it" : "record.set_it");
    this.drop.hidden = !kept.passphrase;
  }

  use(name) {
    const item = element("li");
    const back = button(t("record.take_back"), () => (name === "login"
      ? this.confirm(() => this.my.withdraw(name))
      : this.act(() => this.withdrawn(name))), "link");
    back.ariaLabel = t("record.take_back_what", { what: useName(name) });
    item.dataset.use = name;
    item.append(element("span", useName(name)), back);
    return item;
  }

  /** What else there is to agree to; of another text than the one agreed to, all of it. How somebody looks is read at
   * enrolment only. */
  async offered() {
    const { uses, consent_digest: seen } = this.kept;
    await this.agreement.load((use, text) => (uses.includes(use) ? text.digest !== seen : use !== "attributes"));
    this.anew = this.agreement.text.digest !== seen;
    this.offer.hidden = !this.agreement.ticks.children.length;
    this.offer.querySelector(".say").textContent = t(this.anew ? "record.text_changed" : "record.more");
  }

  async agreedTo() {
    try {
      const { uses, consent_digest: seen } = await this.agreement.given();
      const ticked = uses.split(",").filter(Boolean);
      if (!ticked.length) return this.agreement.ticks.querySelector("input").focus();
      await this.my.agree(this.anew ? ticked : [...this.kept.uses, ...ticked], seen);
    } catch (problem) {
      if (problem.code === "consent_outdated") await this.offered();
      throw problem;
    }
    await this.refresh();
    await this.offered();
    this.say(t("record.agreed_now"));
    this.drawer.querySelector("summary").focus();
  }

  async withdrawn(use) {
    await this.my.withdraw(use);
    await this.refresh();
    await this.offered();
    this.say(t(use === "attributes" ? "record.looks_erased" : "record.taken_back"));
    this.uses.querySelector("button").focus();
  }

  chosen(event) {
    event.preventDefault();
    this.act(async () => {
      const passphrase = this.secret.chosen;
      if (!passphrase) return this.secret.input.focus();
      await this.my.choosePassphrase(passphrase);
      this.secret.empty();
      await this.refresh();
      this.say(t("record.chosen"));
    });
  }

  async dropped() {
    await this.my.dropPassphrase();
    await this.refresh();
    this.say(t("record.dropped"));
    this.secret.input.focus();
  }

  async renewed() {
    const card = slip(this.userId, await this.my.newCode());
    this.told.replaceChildren(); // worth nothing any more
    this.say(t("record.code_made"));
    this.renew.replaceChildren(card);
    card.focus();
  }

  async downloaded() {
    const link = element("a");
    link.href = URL.createObjectURL(await this.my.download());
    link.download = "facewarden-my-data.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), FOR_LATER);
    this.say(t("record.downloaded"));
  }

  /** Asks for the word to be typed, then erases. */
  confirm(erase) {
    const { dialog } = this.entry;
    const [form, word] = [dialog.querySelector("form"), t("erase.word")];
    form.reset();
    form.onsubmit = (event) => {
      const meant = form.word.value.trim().toLocaleLowerCase() === word;
      if (meant) return;
      event.preventDefault();
      form.word.focus();
      form.word.select();
    };
    dialog.querySelector(".keep").onclick = () => dialog.close("keep");
    dialog.returnValue = "keep";
    dialog.addEventListener("close", () => dialog.returnValue === "erase" && this.act(() => this.erased(erase)), { once: true });
    dialog.showModal();
  }

  async erased(erase) {
    const gone = await erase();
    clearTimeout(this.ending);
    this.stage.finish(
      element("h3", t("record.erased")),
      element("p", t(gone ? "record.cleared" : "record.clearing")),
      button(t("record.done"), () => this.entry.leave()),
    );
  }

  /** Out, and the token is given back; where the service cannot be told it ends by itself. */
  async left() {
    clearTimeout(this.ending);
    try {
      await this.my.logOut();
      this.entry.leave();
      this.stage.hint(t("record.logged_out"), "good");
    } catch (problem) {
      this.entry.leave();
      if (problem.code !== "token_invalid") this.stage.fail(new Problem({ title: t("record.left"), advice: t("record.left_advice") }));
    }
  }

  /** Nothing of somebody stays on a screen that they may have left. */
  ended() {
    clearTimeout(this.ending);
    if (this.entry.dialog.open) this.entry.dialog.close("keep");
    this.stage.finish(
      element("h3", t("record.ended")),
      element("p", t("record.ended_say")),
      button(t("record.again"), () => this.entry.leave(this.userId)),
    );
  }

  async act(task) {
    this.stage.quiet();
    this.said.textContent = "";
    try {
      await task();
    } catch (problem) {
      if (problem.code === "token_invalid") return this.ended();
      const again = button(t("record.again"), () => this.entry.leave(this.userId), "link");
      this.stage.fail(problem, ...(problem.code === "token_not_fresh" ? [again] : []));
      this.stage.notice.scrollIntoView({ block: "nearest" });
    }
  }

  say(text) {
    this.said.textContent = text;
    this.said.scrollIntoView({ block: "nearest" });
  }
}

/** Milliseconds for which a token just issued holds; by its own times, since this clock may be another. */
function lasting(token) {
  const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const { iat, exp } = JSON.parse(text);
  return 1000 * (exp - iat);
}

function oneIn(rate) {
  return t("record.one_in", { count: new Intl.NumberFormat(language).format(Math.round(1 / rate)) });
}
