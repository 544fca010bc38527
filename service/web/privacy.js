// The privacy report: what a chosen file would have told beside what can be seen on it. Nothing of it leaves the page.
import { metadata } from "./metadata.js";
import { element } from "./parts.js";
import { t } from "./texts.js";

export class Privacy {
  /** Fills `host`; `empty`: what stands there while no file is chosen, nothing to be hidden until then. */
  constructor(host, empty = "") {
    Object.assign(this, { host, empty, turn: 0, addresses: [] });
    this.title = element("h2", t("privacy.title"));
    this.list = element("dl");
    this.small = element("div", "", "small");
    this.verdict = element("p", "", "verdict");
    this.verdict.setAttribute("role", "status");
    host.classList.add("privacy");
    host.replaceChildren(this.title, this.list, this.small, this.verdict);
    this.clear();
  }

  clear() {
    this.turn += 1;
    for (const address of this.addresses.splice(0)) URL.revokeObjectURL(address);
    this.list.replaceChildren();
    this.small.replaceChildren();
    this.verdict.textContent = this.empty;
    this.host.dataset.state = "empty";
    this.host.hidden = !this.empty;
  }

  /** Tells what files hold. `ending`: what becomes of it, said below. */
  async read(files, ending = "") {
    this.clear();
    const turn = this.turn;
    const reports = await Promise.all(files.map(metadata));
    if (turn !== this.turn) return;
    const many = reports.length > 1;
    this.told = reports.flatMap(({ notes }) => notes);
    this.list.replaceChildren(...reports.flatMap(({ notes }, i) => notes.flatMap((note) => row(note, many ? i + 1 : 0))));
    for (const { thumbnail } of reports) if (thumbnail) this.picture(thumbnail);
    this.verdict.textContent = this.told.length ? ending : t("privacy.nothing");
    this.host.dataset.state = this.told.length ? "told" : "nothing";
    this.host.hidden = false;
  }

  picture(bytes) {
    const image = element("img");
    image.alt = t("privacy.small");
    image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    image.addEventListener("error", () => image.remove());
    this.addresses.push(image.src);
    this.small.append(image);
  }

  /** Reads the answer as the file was read, and says whether any of it is still there. */
  async verify(answer) {
    const turn = this.turn;
    const { notes, format } = await metadata(answer);
    if (turn !== this.turn) return;
    const clean = !notes.length && format !== "";
    this.host.dataset.state = clean ? "gone" : "left";
    if (!clean) this.verdict.textContent = t("privacy.left");
    else this.verdict.textContent = this.told?.length ? t("privacy.gone") : t("privacy.clean");
  }
}

function row({ kind, value }, number) {
  const name = element("dt", number ? `${number} · ${t(`privacy.kind.${kind}`)}` : t(`privacy.kind.${kind}`));
  const told = element("dd");
  told.append(element("span", kind === "trailing" ? t("privacy.bytes", { count: value }) : value || t(`privacy.value.${kind}`)));
  told.dataset.kind = kind;
  return [name, told];
}
