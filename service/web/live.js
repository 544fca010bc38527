// While the camera runs: a few small frames a second are looked at, the face is outlined, and one hint is given at a time.
import { analyze } from "./api.js";
import { grab } from "./camera.js";
import { t } from "./texts.js";

const LONGEST = 640; // pixels of a frame that is looked at
const PAUSE = 280; // ms between two looks, when the service is quick
const BYSTANDER = 0.4; // a second face with a shorter long side than this share of the first is ignored, as the service does
const ORDER = ["no_face", "several_faces", "too_small", "too_dark", "too_bright", "turned_away", "blurred"];
const PARTS = ["x", "y", "width", "height"];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** For one person who shows their face: what to do next, the most important thing first. */
export function portrait({ faces: [first, second] }) {
  const size = ({ box }) => Math.max(box.width, box.height);
  let fault = null;
  if (!first) fault = "no_face";
  else if (second && size(second) >= BYSTANDER * size(first)) fault = "several_faces";
  else fault = ORDER.find((reason) => first.refusals.includes(reason)) ?? null;
  return { good: fault === null, fault, text: t(`live.${fault ?? "good"}`) };
}

export class Live {
  /** `judge` says of what was seen whether it is good, and gives the hint; `hint` shows it; `around` draws round a face. */
  constructor(video, canvas, judge, hint, around = () => {}) {
    Object.assign(this, { video, canvas, judge, hint, around, good: false, seen: [], shown: [], said: null });
  }

  start() {
    this.stopper = new AbortController();
    this.canvas.width = this.video.videoWidth;
    this.canvas.height = this.video.videoHeight;
    this.look(this.stopper.signal);
    this.draw(this.stopper.signal);
  }

  stop() {
    this.stopper?.abort();
    this.good = false;
    this.seen = this.shown = [];
  }

  async look(signal) {
    while (!signal.aborted) {
      let rest = PAUSE;
      if (!document.hidden) {
        try {
          const seen = await analyze(await grab(this.video, LONGEST, 0.8), signal);
          if (!signal.aborted) this.tell(seen);
        } catch (problem) {
          if (signal.aborted) return;
          this.seen = [];
          this.good = false;
          if (problem.code === "unreachable") this.hint(problem.title, "bad");
          rest = 1000 * (problem.retryAfter || 2);
        }
      }
      await pause(rest);
    }
  }

  tell(seen) {
    const { good, text, tone = good ? "good" : "wait" } = this.judge(seen);
    const scale = this.video.videoWidth / seen.width;
    this.good = good;
    this.seen = seen.faces.map(({ box }) => PARTS.map((part) => box[part] * scale));
    if (text === this.said) this.hint(text, tone); // twice running: no flicker
    this.said = text;
  }

  draw(signal) {
    if (signal.aborted) return;
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const glide = !calm.matches && this.shown.length === this.seen.length;
    this.shown = this.seen.map((box, i) => box.map((end, k) => (glide ? this.shown[i][k] + (end - this.shown[i][k]) / 4 : end)));
    for (const box of this.shown) outline(pen, box, this.good, this.canvas.width / 240);
    if (this.shown.length) this.around(pen, oval(this.shown[0]), this.canvas.width / 240);
    requestAnimationFrame(() => this.draw(signal));
  }
}

const oval = ([x, y, width, height]) => [x + width / 2, y + height / 2, width * 0.62, height * 0.64];

function outline(pen, box, good, line) {
  const [cx, cy, rx, ry] = oval(box);
  pen.lineWidth = line;
  pen.lineCap = "round";
  pen.strokeStyle = good ? "#c9f24d" : "#ffb84d";
  pen.setLineDash(good ? [] : [line * 3, line * 3]);
  pen.beginPath();
  pen.ellipse(cx, cy, rx, ry, 0, 0, 2 * Math.PI);
  pen.stroke();
  pen.setLineDash([]);
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(cx + dx * (rx + line * 3), cy + dy * (ry + line * 3));
    pen.lineTo(cx + dx * (rx + line * 7), cy + dy * (ry + line * 7));
  }
  pen.stroke();
}
