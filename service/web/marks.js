// The faces of a picture, outlined: each a button that shows or hides it; and boxes that somebody draws.
import { element } from "./parts.js";
import { t } from "./texts.js";

const LEAST = 0.015; // of the picture's longer side: less is a slip of the hand
const STEP = 0.01; // one press of an arrow key
const FIRST = 0.2; // side of a box made by keyboard

export class Marks {
  /** Lies on `sheet`, which has the shape of the picture; `changed` is called when it is another choice. */
  constructor(sheet, changed) {
    Object.assign(this, { sheet, changed, faces: [], added: [], width: 1, height: 1, drawing: false });
    this.list = sheet.querySelector(".marks");
    sheet.addEventListener("pointerdown", (event) => this.drawing && this.draw(event));
  }

  /** `seen`: what the service found. */
  set({ width, height, faces }) {
    Object.assign(this, { width, height, added: [] });
    this.faces = faces.map((box) => ({ ...box, hidden: true }));
    this.list.replaceChildren(...this.faces.map((face, i) => this.face(face, i)));
  }

  clear() {
    Object.assign(this, { faces: [], added: [] });
    this.list.replaceChildren();
  }

  all(hidden) {
    for (const face of this.faces) face.hidden = hidden;
    this.faces.forEach((face) => this.tell(face));
    this.changed();
  }

  get hidden() {
    return this.faces.filter((face) => face.hidden);
  }

  /** What is sent of it. All but the shown ones are named, so that a face which only turns up later is hidden too; by
   * number only where a shown face overlaps a hidden one so far that both would stay. */
  get fields() {
    const shown = this.faces.filter((face) => !face.hidden);
    const close = shown.some((one) => this.hidden.some((other) => common(one, other) >= 0.5 * other.width * other.height));
    const which = close ? [["faces", this.hidden.map(({ number }) => number).join()]] : shown.map((face) => ["keep", sides(face)]);
    return [...which, ...this.added.map((box) => ["add", sides(box)])];
  }

  face(face, i) {
    const mark = this.mark(face, "face");
    face.name = t("hide.face", { number: i + 1, count: this.faces.length });
    mark.addEventListener("click", () => {
      if (this.drawing) return;
      face.hidden = !face.hidden;
      this.tell(face);
      this.changed();
    });
    this.tell(face);
    return mark.parentElement;
  }

  tell({ mark, hidden, name }) {
    mark.ariaPressed = String(hidden);
    mark.ariaLabel = `${name}: ${t(hidden ? "hide.hidden" : "hide.shown")}`;
    mark.dataset.word = t(hidden ? "hide.hidden" : "hide.shown");
  }

  /** The button of a box, in the list. */
  mark(box, kind) {
    const mark = element("button", "", `spot ${kind}`);
    mark.type = "button";
    box.mark = mark;
    const place = element("li");
    place.append(mark);
    this.place(box);
    return mark;
  }

  place({ mark, x, y, width, height }) {
    const share = { left: x / this.width, top: y / this.height, width: width / this.width, height: height / this.height };
    for (const [side, value] of Object.entries(share)) mark.style.setProperty(side, `${100 * value}%`);
  }

  /** A box in the middle, to be moved by keyboard. */
  add() {
    const side = FIRST * Math.max(this.width, this.height);
    const [width, height] = [Math.min(side, this.width), Math.min(side, this.height)];
    const box = { x: (this.width - width) / 2, y: (this.height - height) / 2, width, height };
    this.put(box);
    box.mark.focus();
    this.changed();
  }

  put(box) {
    const mark = this.mark(box, "added");
    mark.ariaLabel = t("hide.own");
    mark.dataset.word = t("hide.drawn");
    mark.addEventListener("click", (event) => {
      if (event.detail === 0 || !box.moved) this.remove(box);
      box.moved = false;
    });
    mark.addEventListener("keydown", (event) => this.key(event, box));
    mark.addEventListener("pointerdown", (event) => this.move(event, box));
    this.added.push(box);
    this.list.append(mark.parentElement);
  }

  remove(box) {
    this.added = this.added.filter((other) => other !== box);
    box.mark.parentElement.remove();
    this.changed();
  }

  key(event, box) {
    if (event.key === "Delete" || event.key === "Backspace") return this.remove(box);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return undefined;
    event.preventDefault();
    event.stopPropagation();
    const step = STEP * Math.max(this.width, this.height);
    const [across, down] = event.shiftKey ? ["width", "height"] : ["x", "y"];
    box[across] += way[0] * step;
    box[down] += way[1] * step;
    this.keep(box);
    this.changed();
    return undefined;
  }

  /** Inside the picture, and not too small. */
  keep(box) {
    const least = LEAST * Math.max(this.width, this.height);
    box.width = Math.min(Math.max(box.width, least), this.width);
    box.height = Math.min(Math.max(box.height, least), this.height);
    box.x = Math.min(Math.max(box.x, 0), this.width - box.width);
    box.y = Math.min(Math.max(box.y, 0), this.height - box.height);
    this.place(box);
  }

  point({ clientX, clientY }) {
    const { left, top, width, height } = this.sheet.getBoundingClientRect();
    const inside = (value) => Math.min(Math.max(value, 0), 1);
    return [inside((clientX - left) / width) * this.width, inside((clientY - top) / height) * this.height];
  }

  draw(event) {
    if (event.target.closest(".added")) return;
    event.preventDefault();
    const [x, y] = this.point(event);
    const box = { x, y, width: 1, height: 1 };
    this.put(box);
    this.follow(event, ([right, bottom]) => {
      Object.assign(box, { x: Math.min(x, right), y: Math.min(y, bottom), width: Math.abs(right - x), height: Math.abs(bottom - y) });
      this.place(box);
    }, () => {
      if (Math.max(box.width, box.height) < LEAST * Math.max(this.width, this.height)) return this.remove(box);
      this.keep(box);
      this.changed();
      return undefined;
    });
  }

  move(event, box) {
    event.stopPropagation();
    const [x, y] = this.point(event);
    const from = { ...box };
    this.follow(event, ([right, bottom]) => {
      Object.assign(box, { x: from.x + right - x, y: from.y + bottom - y, moved: true });
      this.keep(box);
    }, () => box.moved && this.changed());
  }

  follow(event, moved, ended) {
    const held = event.currentTarget;
    held.setPointerCapture(event.pointerId);
    const going = (next) => moved(this.point(next));
    held.addEventListener("pointermove", going);
    const stop = () => {
      for (const kind of ["pointerup", "pointercancel"]) held.removeEventListener(kind, stop);
      held.removeEventListener("pointermove", going);
      ended();
    };
    for (const kind of ["pointerup", "pointercancel"]) held.addEventListener(kind, stop);
  }
}

const sides = ({ x, y, width, height }) => [x, y, width, height].map((side) => side.toFixed(1)).join();

function common(one, other) {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return Math.max(0, across) * Math.max(0, down);
}
