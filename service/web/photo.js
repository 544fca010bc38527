// A photo: its faces are found, chosen, drawn over; before and after are compared, the result taken away.
import { faces, overlay } from "./api.js";
import { grab, openCamera } from "./camera.js";
import { Compare } from "./compare.js";
import { Marks } from "./marks.js";
import { sendable } from "./picture.js";
import { t } from "./texts.js";

const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };
const CALM = 250; // ms after a choice, before it is drawn
const CUT = 22; // percent that is shown as it was, at first

export class Photo {
  /** `desk`: what all ways share: stage, gallery, privacy report, words. */
  constructor(desk) {
    Object.assign(this, { desk, picture: null, located: false, here: false, turn: 0, stopCamera: null });
    const find = (selector) => desk.root.querySelector(selector);
    this.sheet = find(".sheet");
    [this.before, this.after] = this.sheet.querySelectorAll("img");
    this.finder = find(".finder");
    this.marks = new Marks(this.sheet, () => this.soon());
    this.compare = new Compare(this.sheet);
    this.buttons = Object.fromEntries(
      ["camera", "shoot", "box", "everyone", "nobody", "copy"].map((name) => [name, find(`.tools .${name}`)]),
    );
    this.link = find(".tools .download");
    this.files = find(".tools input[type=file]");
    this.listen(this.files);
  }

  listen(file) {
    const { camera, shoot, box, everyone, nobody, copy } = this.buttons;
    file.addEventListener("change", () => {
      this.take([...file.files]);
      file.value = "";
    });
    camera.addEventListener("click", () => (this.stopCamera ? this.closeCamera() : this.start()));
    shoot.addEventListener("click", () => this.shoot());
    box.addEventListener("click", (event) => (event.detail === 0 ? this.marks.add() : this.draw(!this.marks.drawing)));
    everyone.addEventListener("click", () => this.marks.all(true));
    nobody.addEventListener("click", () => this.marks.all(false));
    copy.addEventListener("click", () => this.copy());
  }

  draw(on) {
    this.marks.drawing = on;
    this.buttons.box.ariaPressed = String(on);
    this.sheet.classList.toggle("drawing", on);
    if (on) this.desk.hint(t("hide.draw"));
    else this.desk.hint("");
  }

  pick() {
    this.files.click();
  }

  leave() {
    this.here = false;
    this.rest();
  }

  rest() {
    this.closeCamera();
    this.stopper?.abort();
  }

  /** As it was left, when somebody returns to it. */
  async back() {
    this.here = true;
    if (!this.picture) return;
    await this.desk.privacy.read([this.file]);
    if (!this.located) return void this.begin(this.picture);
    this.desk.show("searched");
    await this.run();
  }

  async start() {
    this.desk.quiet();
    this.buttons.camera.disabled = true;
    try {
      const stop = await openCamera(this.finder, () => this.closeCamera());
      if (!this.here) return stop(); // somebody went elsewhere while the browser asked
      this.stopCamera = stop;
      this.desk.show("camera");
      this.buttons.camera.textContent = t("hide.camera_off");
    } catch (problem) {
      if (this.here) this.desk.fail(problem);
    } finally {
      this.buttons.camera.disabled = false;
    }
    return undefined;
  }

  closeCamera() {
    if (!this.stopCamera) return;
    this.stopCamera();
    this.stopCamera = null;
    this.buttons.camera.textContent = t("hide.camera");
    this.settle();
  }

  settle() {
    const drawn = this.after.hasAttribute("src") ? "ready" : "searched";
    this.desk.show(this.stopCamera ? "camera" : this.located ? drawn : "idle");
  }

  async shoot() {
    const blob = await grab(this.finder);
    this.closeCamera();
    await this.take([blob]);
  }

  async take([file]) {
    if (!file) return;
    this.rest();
    this.draw(false);
    this.desk.quiet();
    try {
      const picture = await sendable(file);
      this.file = file;
      this.desk.privacy.read([file]);
      await this.begin(picture);
    } catch (problem) {
      this.desk.fail(problem);
    }
  }

  async begin(picture) {
    try {
      await this.open(picture);
    } catch (problem) {
      if (problem.name === "AbortError" || picture !== this.picture) return;
      this.put(null);
      this.desk.show("idle");
      this.desk.hint("");
      this.desk.passing(problem, () => this.take([this.file]));
    }
  }

  put(picture) {
    Object.assign(this, { picture, located: false });
    this.marks.clear();
    free(this.before);
    free(this.after);
    if (picture) put(this.before, picture);
  }

  async open(picture) {
    this.put(picture);
    await this.before.decode().catch(() => {});
    if (!this.here || picture !== this.picture) return;
    this.sheet.style.setProperty("--ratio", this.before.naturalWidth / this.before.naturalHeight || 1);
    this.desk.show("searching");
    this.desk.hint(t("hide.searching"));
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    const [seen] = await Promise.all([faces(picture, signal), this.desk.gallery.load()]);
    if (!this.here || picture !== this.picture) return;
    this.located = true;
    this.marks.set(seen);
    this.sheet.style.setProperty("--ratio", seen.width / seen.height);
    this.compare.set(CUT);
    await this.run();
  }

  /** After a choice: once it has been quiet for a moment. */
  soon() {
    clearTimeout(this.timer);
    if (this.located) this.timer = setTimeout(() => this.here && this.run(), CALM);
  }

  async run() {
    const turn = ++this.turn;
    this.stopper?.abort();
    this.stopper = new AbortController();
    const { gallery } = this.desk;
    this.desk.quiet();
    this.desk.busy(true);
    try {
      if (!gallery.worn.length) throw this.desk.problem("no_style");
      const fields = [...gallery.fields, ...this.marks.fields];
      const sticker = gallery.worn.some(({ name }) => name === "sticker") ? await sendable(gallery.sticker) : null;
      const done = await overlay(this.picture, fields, sticker, this.stopper.signal);
      if (turn === this.turn) this.show(done);
    } catch (problem) {
      if (turn === this.turn && problem.name !== "AbortError") this.failed(problem);
    } finally {
      if (turn === this.turn) this.desk.busy(false);
    }
  }

  failed(problem) {
    free(this.after); // what lies there is another choice's
    this.settle();
    this.desk.hint("");
    this.desk.passing(problem, () => this.run());
  }

  show(done) {
    put(this.after, done.picture);
    this.result = done.picture;
    this.link.href = this.after.src;
    this.link.download = `faces-hidden.${ENDINGS[done.picture.type] ?? "jpg"}`;
    this.settle();
    if (!this.marks.drawing) this.desk.hint("");
    this.desk.tell(...this.words(done));
    this.desk.privacy.verify(done.picture);
  }

  words({ hides, faces: drawn, detectable, matching, smallest }) {
    const left = this.marks.faces.length - this.marks.hidden.length;
    const count = drawn ? t(hides ? "hide.did.hidden" : "hide.did.dressed", { count: drawn }) : t("hide.did.none");
    const lines = [];
    if (drawn && hides && matching === 0) {
      lines.push(t(detectable ? "hide.proof.drawn" : "hide.proof.gone", { count: detectable || drawn }));
    }
    if (drawn && !hides) lines.push(t("hide.proof.bare"));
    if (left) lines.push(t("hide.proof.left", { count: left }));
    lines.push(t("hide.proof.smallest", { pixels: Math.ceil(smallest) }));
    return [count, lines];
  }

  async copy() {
    const { copy } = this.buttons;
    try {
      const bitmap = await createImageBitmap(this.result);
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]); // the one type that every browser takes
      this.desk.say(t("hide.copied"));
    } catch {
      this.desk.fail(this.desk.problem("no_clipboard"));
    }
    copy.focus();
  }
}

function free(image) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
}

function put(image, blob) {
  free(image);
  image.src = URL.createObjectURL(blob);
}
