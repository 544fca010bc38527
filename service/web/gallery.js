// What is drawn over a face: one style that hides, or none, and any number that decorate on top of it.
import { styles } from "./api.js";
import { element } from "./parts.js";
import { t } from "./texts.js";

const FIRST = "solid";

export class Gallery {
  /** `changed` is called after each choice. */
  constructor(host, changed) {
    Object.assign(this, { host, changed, kinds: [], chosen: {}, sticker: null, plain: false });
    this.looks = host.querySelector(".looks");
    host.addEventListener("change", (event) => event.target.type === "file" || this.choose(event.target));
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
    this.show();
  }

  /** Whether styles alone can be sent, without a picture of the caller's own: live and in films. */
  limit(plain) {
    this.plain = plain;
    for (const { name } of this.kinds.filter(own)) {
      const box = this.host.querySelector(`[value=${name}]`);
      box.disabled = plain;
      if (plain) box.checked = false;
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
    this.changed();
  }

  show() {
    const names = [...this.host.querySelectorAll(".tiles :checked")].map((input) => input.value);
    const rows = this.kinds.filter((kind) => names.includes(kind.name)).map((kind) => this.rows(kind));
    this.looks.replaceChildren(...rows.filter((row) => row.children.length > 1));
  }

  rows({ name, title, looks }) {
    const group = element("fieldset");
    group.append(element("legend", title));
    for (const [look, its] of Object.entries(looks)) group.append(this.field(`${name}.${look}`, look, its));
    return group;
  }

  field(name, look, its) {
    const made = element("label", t(`hide.look.${look}`));
    const value = this.chosen[name] ?? its.default;
    const input = its.kind === "choice" ? select(its.values) : element("input");
    input.name = name;
    if (its.kind === "whole") Object.assign(input, { type: "range", min: its.low, max: its.high });
    if (its.kind === "colour") input.type = "color";
    if (its.kind === "picture") this.take(input);
    else input.value = value;
    made.append(input);
    return made;
  }

  take(input) {
    Object.assign(input, { type: "file", accept: "image/*" });
    input.addEventListener("change", () => {
      this.sticker = input.files[0] ?? null;
      this.changed();
    });
  }
}

const own = ({ looks }) => Object.values(looks).some(({ kind }) => kind === "picture");

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
