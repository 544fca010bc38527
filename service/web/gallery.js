// What is drawn over a face: one style that hides, or none, and any number that decorate on top of it.
import { styles } from "./api.js";
import { element } from "./parts.js";
import { t } from "./texts.js";

const FIRST = "solid";

export class Gallery {
  /** `changed` is called after each choice. */
  constructor(host, changed) {
    Object.assign(this, { host, changed, kinds: [], chosen: {}, sticker: null, address: "", plain: false });
    this.looks = host.querySelector(".looks");
    host.addEventListener("change", (event) => event.target.type === "file" || this.choose(event.target));
    host.addEventListener("input", ({ target }) => target.nextElementSibling?.matches("output") && said(target));
    host.addEventListener("submit", (event) => event.preventDefault());
  }

  async load() {
    if (this.kinds.length) return;
    this.kinds = (await styles()).styles;
    for (const group of this.host.querySelectorAll(".tiles")) {
      const hides = group.dataset.group === "hides";
      const tiles = this.kinds.filter((kind) => kind.hides === hides).map((kind) => tile(kind, hides ? "radio" : "checkbox"));
      if (hides) tiles.push(tile({ name: "", title: t("hide.bare") }, "radio"));
      group.querySelector(".grid").replaceChildren(...tiles);
    }
    this.host.querySelector(`[value=${FIRST}]`).checked = true;
    this.limit(this.plain);
  }

  /** Whether styles alone can be sent, without a picture of the caller's own: live and in films. */
  limit(plain) {
    this.plain = plain;
    for (const { name } of this.kinds.filter(own)) {
      const box = this.host.querySelector(`[value=${name}]`);
      box.disabled = plain;
      if (plain) box.checked = false;
      box.parentElement.dataset.note = plain ? t("hide.photos_only") : "";
    }
    this.show();
  }

  get worn() {
    const names = [...this.host.querySelectorAll(".tiles :checked")].map((input) => input.value);
    return this.kinds.filter((kind) => names.includes(kind.name) && (!own(kind) || this.sticker));
  }

  get hides() {
    return this.worn.some((kind) => kind.hides);
  }

  /** What is sent of it, name and value. */
  get fields() {
    const { worn } = this;
    return worn.flatMap(({ name, looks }) => [
      ["style", name],
      ...Object.keys(looks).filter((look) => this.chosen[`${name}.${look}`]).map((look) => [`${name}.${look}`, this.chosen[`${name}.${look}`]]),
    ]);
  }

  choose(input) {
    if (input.closest(".looks")) this.chosen[input.name] = input.value;
    else this.show();
    const kind = this.kinds.find(({ name }) => name === input.value);
    if (input.checked && kind && own(kind) && !this.sticker) this.looks.querySelector("[type=file]").click();
    else this.changed();
  }

  show() {
    const names = [...this.host.querySelectorAll(".tiles :checked")].map((input) => input.value);
    const rows = this.kinds.filter((kind) => names.includes(kind.name)).map((kind) => this.rows(kind));
    this.looks.replaceChildren(...rows.filter((row) => row.lastChild.childElementCount));
  }

  rows({ name, title, looks }) {
    const group = element("fieldset");
    const choices = element("div", "", "choices");
    for (const [look, its] of Object.entries(looks)) choices.append(this.field(`${name}.${look}`, look, its));
    group.append(element("legend", title), choices);
    return group;
  }

  field(name, look, its) {
    if (its.kind === "picture") return this.picker();
    const made = element("label");
    const value = this.chosen[name] ?? its.default;
    const input = its.kind === "choice" ? select(its.values) : element("input");
    input.name = name;
    if (its.kind === "whole") Object.assign(input, { type: "range", min: its.low, max: its.high });
    if (its.kind === "colour") input.type = "color";
    input.value = value;
    made.append(element("span", t(`hide.look.${look}`)), input);
    if (its.kind !== "choice") {
      made.append(element("output"));
      made.lastChild.ariaHidden = "true"; // the control says it itself
      said(input);
    }
    return made;
  }

  /** The caller's own picture. Who chooses none does not wear it. */
  picker() {
    const made = element("div", "", "own");
    const pick = element("label", t(this.sticker ? "hide.look.other" : "hide.look.picture"), "plain pick");
    const input = element("input");
    Object.assign(input, { type: "file", accept: "image/*" });
    input.addEventListener("change", () => this.take(input.files[0]));
    input.addEventListener("cancel", () => this.take(undefined));
    pick.append(input);
    if (this.sticker) made.append(Object.assign(element("img"), { src: this.address, alt: t("hide.look.sticker") }));
    made.append(pick);
    return made;
  }

  take(picture) {
    if (picture) {
      URL.revokeObjectURL(this.address);
      this.sticker = picture;
      this.address = URL.createObjectURL(picture);
    } else if (!this.sticker) {
      for (const { name } of this.kinds.filter(own)) this.host.querySelector(`[value=${name}]`).checked = false;
    }
    this.show();
    this.changed();
  }
}

const own = ({ looks }) => Object.values(looks).some(({ kind }) => kind === "picture");

function said(input) {
  input.nextElementSibling.value = input.value;
}

function select(values) {
  const made = element("select");
  for (const value of values) {
    const option = element("option", t(`hide.value.${value}`));
    option.value = value;
    made.append(option);
  }
  return made;
}

function tile({ name, title, preview }, type) {
  const made = element("label", "", "tile");
  const input = element("input");
  Object.assign(input, { type, name: type === "radio" ? "hides" : "adds", value: name });
  const picture = element(preview ? "img" : "i");
  if (preview) Object.assign(picture, { src: preview, alt: "", width: 320, height: 320, loading: "lazy" });
  made.append(input, picture, element("span", title));
  return made;
}
