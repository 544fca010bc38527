// One door's stage: idle, camera on, or pictures chosen; its hint line, notice and result.
import { Problem } from "./api.js";
import { grab, openCamera } from "./camera.js";
import { Live, portrait } from "./live.js";
import { element } from "./parts.js";
import { sendable } from "./picture.js";
import { Privacy } from "./privacy.js";
import { t } from "./texts.js";
import { countdown } from "./wait.js";

export const BURST = 3; // frames of one take
const BETWEEN = 350; // ms between them
const SLOW = 6000; // ms after which a person is told that it takes long
const PATIENCE = 4000; // ms to wait for a frame without fault; then the service decides

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let active = null; // the stage that has the camera

export class Stage {
  constructor(door, { opened, emptied, most = 10, judge = portrait, around } = {}) {
    const find = (selector) => door.querySelector(selector);
    Object.assign(this, {
      door, opened, emptied, most, pictures: [], reading: null, waits: [], stopCamera: null, turn: 0,
      stage: find(".stage"), video: find("video"), canvas: find("canvas"), shots: find(".shots"),
      line: find(".hint"), notice: find(".notice"), done: find(".done"), form: find("form"),
      button: find(".camera"), go: find(".go"), file: find("input[type=file]"),
    });
    const report = element("section");
    find(".sources").after(report);
    this.privacy = new Privacy(report);
    this.live = new Live(this.video, this.canvas, judge, (text, tone) => this.hint(text, tone), around);
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
    this.hint(t("stage.starting"));
    try {
      const stop = await openCamera(this.video, () => this.lost());
      if (active !== this) return stop(); // another door was quicker
      this.stopCamera = stop;
      this.show("camera");
      this.hint(t("stage.look"));
      this.live.start();
      this.opened?.(this.video);
    } catch (problem) {
      this.hint("");
      this.fail(problem);
    } finally {
      this.button.disabled = false;
    }
  }

  lost() {
    this.clear();
    this.fail(new Problem({ title: t("stage.lost"), advice: t("stage.lost_advice") }));
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
    this.reading = null;
    this.privacy.clear();
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
    this.button.textContent = t(camera ? "stage.stop" : "stage.camera");
  }

  async take(files) {
    if (!files.length) return;
    this.clear();
    if (files.length > this.most) {
      this.fail(new Problem({ title: t("stage.too_many", { count: this.most }), advice: t("stage.too_many_advice") }));
      return;
    }
    const reading = Promise.all(files.map(async (file) => ({ blob: await sendable(file), capturedAt: 0 })));
    this.reading = reading;
    try {
      const pictures = await reading;
      if (this.reading !== reading) return; // cleared meanwhile, or others were chosen
      this.hold(pictures);
      this.privacy.read(files, t("privacy.dropped"));
    } catch (problem) {
      if (this.reading === reading) this.fail(problem);
    } finally {
      if (this.reading === reading) this.reading = null;
    }
  }

  hold(pictures) {
    this.pictures = pictures;
    this.shots.replaceChildren(...pictures.map(({ blob }, i) => picture(blob, t("stage.photo", { number: i + 1 }))));
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
    await this.reading; // who presses the button before a large photo is read means that photo
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
      throw new Problem({ code: "no_picture", title: t("stage.no_picture"), advice: t("stage.no_picture_advice") });
    }
    return frames;
  }

  /** Runs one piece of work from a button: busy while it lasts, its failure in words, and given back. A later one
   * takes over. */
  async work(busy, task, go = this.go) {
    const turn = ++this.turn;
    let failed = null;
    go.dataset.label ??= go.textContent;
    this.quiet();
    go.disabled = true;
    go.textContent = busy;
    this.door.setAttribute("aria-busy", "true");
    let slow = 0;
    const tell = () => {
      if ("moving" in this.stage.dataset) slow = setTimeout(tell, SLOW); // the person takes their time, not the service
      else if (turn === this.turn) this.hint(t("stage.slow"));
    };
    slow = setTimeout(tell, SLOW);
    try {
      await task();
    } catch (problem) {
      failed = problem;
      if (turn === this.turn && problem.name !== "AbortError") this.fail(problem);
    }
    clearTimeout(slow);
    if (turn !== this.turn) return failed;
    if (!this.hasCamera && this.line.textContent === t("stage.slow")) this.hint("");
    go.disabled = false;
    go.textContent = go.dataset.label;
    this.door.removeAttribute("aria-busy");
    return failed;
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

  /** `more`: nodes below the words, such as a button that helps. */
  fail(problem, ...more) {
    const known = problem instanceof Problem;
    if (!known) console.error(problem);
    this.notice.dataset.code = known ? problem.code : "page";
    this.notice.replaceChildren(
      element("strong", known ? problem.title : t("stage.broken")),
      element("p", known ? problem.advice : t("stage.broken_advice")),
      ...more,
    );
    this.notice.hidden = false;
  }

  /** One more line to what went wrong. */
  more(text) {
    this.notice.append(element("p", text));
  }

  /** Keeps a button from being pressed for so many seconds, or until there is a result. */
  wait(go, seconds) {
    this.waits.push(countdown(go, seconds, () => {
      this.quiet();
      if (!this.hasCamera) this.hint(t("stage.again"), "good");
    }));
  }

  /** Puts the result in place of the form. */
  finish(...nodes) {
    this.clear();
    for (const end of this.waits.splice(0)) end();
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
    for (const drawer of this.form.querySelectorAll("details")) drawer.open = false;
    this.clear();
    this.button.focus();
  }
}

function picture(blob, name) {
  const image = document.createElement("img");
  image.alt = name;
  image.src = URL.createObjectURL(blob);
  return image;
}

addEventListener("pagehide", () => active?.clear());
