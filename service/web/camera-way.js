// The live way of the page: start and stop, the frame rate, a clip of what is shown.
import { Clip } from "./clip.js";
import { button } from "./parts.js";
import { t } from "./texts.js";
import { Veil } from "./veil.js";

const OFTEN = 500; // ms between two looks at the frame rate

export class CameraWay {
  constructor(desk) {
    const find = (selector) => desk.root.querySelector(selector);
    Object.assign(this, { desk, turn: 0, go: find(".live .go"), record: find(".live .record"), link: find(".live .download"), rate: find(".rate") });
    this.canvas = find(".veiled");
    this.veil = new Veil(this.canvas, (what, value) => this[what](value));
    this.clip = new Clip(this.canvas, (blob) => this.recorded(blob), (seconds) => this.recording(seconds));
    this.go.addEventListener("click", () => (this.veil.running ? this.leave() : this.start()));
    this.record.addEventListener("click", () => (this.clip.running ? this.clip.stop() : this.clip.start()));
  }

  async start() {
    const { desk } = this;
    const turn = ++this.turn;
    desk.quiet();
    this.go.disabled = true;
    desk.hint(t("hide.live.starting"));
    try {
      await desk.gallery.load();
      if (!desk.gallery.hides) throw desk.problem("must_hide");
      await this.veil.start(desk.gallery.fields);
      if (turn !== this.turn) return this.veil.stop(); // somebody went elsewhere while the browser asked
      this.go.textContent = t("hide.live.stop");
      desk.show("connecting");
      this.timer = setInterval(() => this.count(), OFTEN);
    } catch (problem) {
      if (turn === this.turn) this.failed(problem);
    } finally {
      this.go.disabled = false;
    }
    return undefined;
  }

  failed(problem) {
    this.desk.hint("");
    this.desk.fail(problem);
  }

  leave() {
    this.turn += 1;
    clearInterval(this.timer);
    this.clip.stop();
    this.veil.stop();
    this.record.disabled = true;
    this.go.textContent = t("hide.live.start");
    this.rate.textContent = "";
    this.desk.hint("");
    this.desk.show("idle");
  }

  /** Another style, while it runs or before. One that hides nobody is not taken. */
  changed() {
    if (!this.veil.running) return;
    this.desk.notice.hidden = true;
    if (this.desk.gallery.hides) this.veil.wear(this.desk.gallery.fields);
    else this.desk.fail(this.desk.problem("must_hide"));
  }

  count() {
    if (this.veil.seen) this.rate.textContent = t("hide.live.rate", { rate: this.veil.rate.toFixed(this.veil.rate < 10 ? 1 : 0) });
  }

  shown(first) {
    if (this.desk.root.dataset.state === "live" && !first) return;
    this.desk.show("live");
    this.desk.hint("");
    this.desk.tell(t("hide.live.on"));
    this.record.disabled = !this.clip.possible;
  }

  style({ style }) {
    this.canvas.dataset.style = style.join(" ");
  }

  refused({ code, title }) {
    this.desk.fail(Object.assign(this.desk.problem("page"), { code, title }));
  }

  lost(seconds) {
    this.desk.show("connecting");
    this.desk.hint(t("hide.live.lost", { count: seconds }), "bad");
  }

  ended(problem) {
    this.leave();
    this.desk.fail(problem, button(t("hide.again"), () => this.start()));
  }

  recording(seconds) {
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.record.textContent = t("hide.live.recording", { clock });
  }

  recorded(blob) {
    this.record.textContent = t("hide.live.record");
    if (!blob.size) return;
    if (this.link.href) URL.revokeObjectURL(this.link.href);
    this.link.href = URL.createObjectURL(blob);
    this.link.download = `faces-hidden.${blob.type.startsWith("video/mp4") ? "mp4" : "webm"}`;
    this.link.hidden = false;
    this.desk.say(t("hide.live.clip"));
  }
}
