// One door's stage: idle, camera on, or pictures chosen; its hint line, notice and result.
import { Problem } from "./api.js";
import { grab, openCamera } from "./camera.js";
import { Live, portrait } from "./live.js";
import { sendable } from "./picture.js";

const BURST = 3; // frames of one take
const BETWEEN = 350; // ms between them
const PATIENCE = 4000; // ms to wait for a frame without fault; then the service decides

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let active = null; // the stage that has the camera

export class Stage {
  constructor(door, { chosen, emptied, most = 10, judge = portrait } = {}) {
    const find = (selector) => door.querySelector(selector);
    Object.assign(this, {
      door, chosen, emptied, most, pictures: [], stopCamera: null, turn: 0,
      stage: find(".stage"), video: find("video"), canvas: find("canvas"), shots: find(".shots"),
      line: find(".hint"), notice: find(".notice"), done: find(".done"), form: find("form"),
      button: find(".camera"), go: find(".go"), file: find("input[type=file]"),
    });
    this.label = this.go.textContent;
    this.live = new Live(this.video, this.canvas, judge, (text, tone) => this.hint(text, tone));
    this.button.addEventListener("click", () => (this.stopCamera ? this.clear() : this.start()));
    this.file.addEventListener("change", () => this.take([...this.file.files]));
    for (const kind of ["dragover", "dragleave", "drop"]) this.stage.addEventListener(kind, (event) => this.drag(event));
    this.show("idle");
  }

  get hasCamera() {
    return this.stopCamera !== null;
  }

  async start() {
    active?.clear();
    this.clear();
    active = this;
    this.button.disabled = true;
    this.hint("Starting the camera…");
    try {
      const stop = await openCamera(this.video, () => this.lost());
      if (active !== this) return stop(); // another door was quicker
      this.stopCamera = stop;
      this.show("camera");
      this.hint("Look into the camera");
      this.live.start();
    } catch (problem) {
      this.hint("");
      this.fail(problem);
    } finally {
      this.button.disabled = false;
    }
  }

  lost() {
    this.clear();
    this.fail(new Problem({ title: "The camera was switched off", advice: "Connect it again, or choose a photo instead." }));
  }

  /** Back to an empty stage. */
  clear() {
    this.live.stop();
    this.stopCamera?.();
    this.stopCamera = null;
    if (active === this) active = null;
    for (const image of this.shots.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    this.shots.replaceChildren();
    this.pictures = [];
    this.file.value = "";
    this.hint("");
    this.quiet();
    this.emptied?.();
    this.show("idle");
  }

  show(state) {
    this.door.dataset.state = state;
    const camera = state === "camera";
    this.video.hidden = this.canvas.hidden = !camera;
    this.shots.hidden = state !== "chosen";
    this.button.textContent = camera ? "Stop the camera" : "Use the camera";
  }

  async take(files) {
    if (!files.length) return;
    this.clear();
    if (files.length > this.most) {
      this.fail(new Problem({ title: `At most ${this.most} ${this.most === 1 ? "picture" : "pictures"} at once`, advice: "Choose fewer." }));
      return;
    }
    try {
      this.hold(await Promise.all(files.map(async (file) => ({ blob: await sendable(file), capturedAt: 0 }))));
    } catch (problem) {
      this.fail(problem);
      return;
    }
    this.chosen?.();
  }

  hold(pictures) {
    this.pictures = pictures;
    this.shots.replaceChildren(...pictures.map(({ blob }, i) => picture(blob, `Photo ${i + 1}`)));
    this.shots.dataset.many = pictures.length > 1;
    this.show("chosen");
  }

  drag(event) {
    event.preventDefault();
    this.stage.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.take([...event.dataTransfer.files]);
  }

  /** The pictures to send: those chosen, or a burst from the camera. Raises a Problem when there is neither. */
  async collect(count = BURST) {
    if (!this.hasCamera && this.pictures.length) return this.pictures;
    const until = Date.now() + PATIENCE;
    while (!this.live.good && Date.now() < until && this.hasCamera) await pause(100);
    const frames = [];
    while (frames.length < count && this.hasCamera) {
      if (frames.length) await pause(BETWEEN);
      frames.push({ blob: await grab(this.video), capturedAt: Date.now() });
      this.stage.dataset.taken = frames.length;
    }
    delete this.stage.dataset.taken;
    if (!frames.length) {
      throw new Problem({ code: "no_picture", title: "There is no picture yet", advice: "Use the camera or choose a photo first." });
    }
    return frames;
  }

  /** Runs one piece of work from a button: busy while it lasts, its failure in words. A later one takes over. */
  async work(busy, task) {
    const turn = ++this.turn;
    this.quiet();
    this.go.disabled = true;
    this.go.textContent = busy;
    this.door.setAttribute("aria-busy", "true");
    try {
      await task();
    } catch (problem) {
      if (turn === this.turn && problem.name !== "AbortError") this.fail(problem);
    }
    if (turn !== this.turn) return;
    this.go.disabled = false;
    this.go.textContent = this.label;
    this.door.removeAttribute("aria-busy");
  }

  hint(text, tone = "wait") {
    if (this.line.textContent === text && this.line.dataset.tone === tone) return;
    this.line.textContent = text;
    this.line.dataset.tone = tone;
  }

  quiet() {
    this.notice.hidden = true;
    this.notice.replaceChildren();
  }

  fail(problem) {
    const known = problem instanceof Problem;
    if (!known) console.error(problem);
    this.notice.dataset.code = known ? problem.code : "page";
    this.notice.replaceChildren(
      element("strong", known ? problem.title : "Something went wrong on this page"),
      element("p", known ? problem.advice : "Reload it and try again."),
    );
    this.notice.hidden = false;
  }

  /** Puts the result in place of the form. */
  finish(...nodes) {
    this.clear();
    this.done.replaceChildren(...nodes);
    this.done.hidden = false;
    this.form.hidden = true;
    this.door.dataset.state = "done";
    this.done.focus();
  }

  again() {
    this.done.hidden = true;
    this.done.replaceChildren();
    this.form.hidden = false;
    this.form.reset();
    this.clear();
    this.button.focus();
  }
}

export function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

export function button(text, act, kind = "plain") {
  const made = element("button", text, kind);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A list of names and what they are. */
export function facts(rows) {
  const list = element("dl");
  for (const [name, value, kind] of rows) list.append(element("dt", name), element("dd", value, kind));
  return list;
}

/** Apparent attributes as rows; what was left out or not sure has none. */
export function looks({ age, gender, emotion } = {}) {
  const rows = [];
  if (age) rows.push(["Looks", `${Math.round(age.low)} to ${Math.round(age.high)} years old`]);
  if (gender && gender.value !== "unknown") rows.push(["Appears", gender.value]);
  if (emotion && emotion.value !== "unknown") rows.push(["Mood", emotion.value]);
  return rows;
}

/** What is kept of so many photos. */
export const rows = (photos) => `${photos} ${photos === 1 ? "row" : "rows"} of numbers`;

export function date(text) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(new Date(text));
}

function picture(blob, name) {
  const image = document.createElement("img");
  image.alt = name;
  image.src = URL.createObjectURL(blob);
  return image;
}

addEventListener("pagehide", () => active?.clear());
