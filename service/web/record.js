// What somebody who is in sees and may do: what is kept, what they agreed to, a passphrase, a code, their data, erasure.
import { mine } from "./api.js";
import { inOrder, useName } from "./consent.js";
import { button, date, element, facts, looks, rows } from "./parts.js";
import { Secret } from "./secret.js";
import { slip } from "./slip.js";

const LOGIN_AGAIN = new Set(["token_not_fresh", "token_invalid"]);
const FOR_LATER = 60_000; // ms until the memory of a download is given back: by then the browser has it

/** `title`, `found`, `before`, `emotion`: of this login. After a recovery `userId` and `code`, the next code to keep. */
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
      drop: find(".drop"), renew: find(".renewal"), secret: new Secret(find(".factor")),
    });
    find("h3").textContent = entry.title;
    this.choose.addEventListener("submit", (event) => this.chosen(event));
    this.drop.addEventListener("click", () => this.act(() => this.dropped()));
    find(".renew").addEventListener("click", () => this.act(() => this.renewed()));
    find(".download").addEventListener("click", () => this.act(() => this.downloaded()));
    find(".leave").addEventListener("click", () => entry.leave());
    find(".erase").addEventListener("click", () => this.confirm(() => this.my.erase()));
  }

  open() {
    this.stage.finish(...this.root.children);
    if (this.entry.code) this.told.append(slip(this.userId, this.entry.code));
  }

  async refresh() {
    const { entry } = this;
    const kept = await this.my.show();
    this.userId = kept.user_id;
    this.facts.replaceChildren(facts([
      ["You are", kept.user_id, "id"],
      ...(kept.metadata?.label ? [["Name", kept.metadata.label]] : []),
      ...(kept.metadata?.reference ? [["Reference", kept.metadata.reference]] : []),
      ["Since", date(kept.enrolled_at)],
      ...(entry.before === undefined ? [] : [["Last here", entry.before ? date(entry.before) : "never before"]]),
      ["Kept", `${rows(kept.photos)}; no picture`],
      ...looks(kept.attributes ? { ...kept.attributes, emotion: entry.emotion ?? kept.attributes.emotion } : {}),
      ...(entry.found ? [["Found", entry.found]] : []),
    ]));
    this.uses.replaceChildren(...inOrder(kept.uses, (use) => use).map((use) => this.use(use)));
    this.agreed.textContent = kept.uses.length === 1 ? "1 use" : `${kept.uses.length} uses`;
    this.factor.textContent = kept.passphrase ? "set" : "none";
    this.choose.querySelector(".set").textContent = kept.passphrase ? "Change it" : "Set it";
    this.drop.hidden = !kept.passphrase;
  }

  use(name) {
    const item = element("li");
    const back = button("Take back", () => (name === "login"
      ? this.confirm(() => this.my.withdraw(name))
      : this.act(() => this.withdrawn(name))), "link");
    back.ariaLabel = `Take back: ${useName(name)}`;
    item.dataset.use = name;
    item.append(element("span", useName(name)), back);
    return item;
  }

  async withdrawn(use) {
    await this.my.withdraw(use);
    await this.refresh();
    this.say(use === "attributes" ? "Taken back. What was kept of how you look is erased." : "Taken back.");
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
      this.say("From now on your passphrase is asked for at every login.");
    });
  }

  async dropped() {
    await this.my.dropPassphrase();
    await this.refresh();
    this.say("The passphrase is removed: your face alone opens your record.");
    this.secret.input.focus();
  }

  async renewed() {
    const card = slip(this.userId, await this.my.newCode());
    this.told.replaceChildren(); // worth nothing any more
    this.say("This is your new recovery code; the one before opens nothing any more.");
    this.renew.replaceChildren(card);
    card.focus();
  }

  async downloaded() {
    const link = element("a");
    link.href = URL.createObjectURL(await this.my.download());
    link.download = "facewarden-my-data.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), FOR_LATER);
    this.say("Downloaded. The file holds the numbers of your face: keep it as you would a password.");
  }

  /** Asks once more, then erases. */
  confirm(erase) {
    const { dialog } = this.entry;
    dialog.returnValue = "keep";
    dialog.addEventListener("close", () => dialog.returnValue === "erase" && this.act(() => this.erased(erase)), { once: true });
    dialog.showModal();
  }

  async erased(erase) {
    const gone = await erase();
    this.stage.finish(
      element("h3", "You are erased."),
      element("p", gone
        ? "Your key is destroyed and the space it took is cleared. Nobody can open what was kept of you."
        : "Your key is destroyed. Nobody can open what was kept of you; the space it took is being cleared now."),
      button("Done", () => this.entry.leave()),
    );
  }

  async act(task) {
    this.stage.quiet();
    this.said.textContent = "";
    try {
      await task();
    } catch (problem) {
      const again = button("Log in again", () => this.entry.leave(this.userId), "link");
      this.stage.fail(problem, ...(LOGIN_AGAIN.has(problem.code) ? [again] : []));
      this.stage.notice.scrollIntoView({ block: "nearest" });
    }
  }

  say(text) {
    this.said.textContent = text;
    this.said.scrollIntoView({ block: "nearest" });
  }
}
