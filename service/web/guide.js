// Guided poses: straight ahead, a little to either side; each is taken by itself when it is good, and fills a third of
// a ring around the face. Sides are the person's own, which the mirrored picture shows on the same side of the screen.
import { grab } from "./camera.js";
import { portrait } from "./live.js";
import { t } from "./texts.js";

const SIDES = [10, 34]; // degrees of yaw: enough to see another side, too little to hide one
const POSES = [
  { name: "front", yaw: [-9, 9], arc: -0.5 }, // arc: the middle of its third, in turns of pi from the picture's right
  { name: "left", yaw: SIDES, arc: 1 / 6 },
  { name: "right", yaw: [-SIDES[1], -SIDES[0]], arc: 5 / 6 },
];
const HELD = 2; // looks running in which a pose has to be good: not passing through it
const THIRD = 0.28; // half of a part of the ring, in turns of pi
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Guide {
  /** `box`: where it says which pose it is, with a button to skip it. `finished` is called with what was taken, and whether the
   * button that goes had the focus. */
  constructor(box, finished) {
    Object.assign(this, { box, finished, line: box.querySelector("span"), skip: box.querySelector("button") });
    this.skip.addEventListener("click", () => this.next());
    this.reset();
  }

  reset() {
    Object.assign(this, { at: 0, held: 0, taken: [], shown: POSES.map(() => 0), filled: POSES.map(() => 0), resting: false, paused: false });
    this.box.hidden = true;
  }

  start(video) {
    this.video = video;
    this.box.hidden = false;
    this.tell();
  }

  tell() {
    this.line.textContent = t("guide.count", { at: this.at + 1, all: POSES.length });
  }

  next() {
    this.held = 0;
    this.at += 1;
    if (this.at < POSES.length) return this.tell();
    const focused = document.activeElement === this.skip;
    this.box.hidden = true;
    if (this.taken.length) this.finished([...this.taken], focused);
  }

  /** What to do next, for `Live`. Where no pose can be told it is an ordinary portrait. */
  judge(seen) {
    const [pose, verdict] = [POSES[this.at], portrait(seen)];
    const yaw = seen.faces[0]?.quality.pose?.yaw;
    if (!pose || this.resting || this.paused) return verdict;
    const aside = pose.name !== "front";
    if (!verdict.good || yaw === undefined) {
      this.hold(0);
      return aside && verdict.fault === "turned_away" ? { ...verdict, text: t("guide.too_far") } : verdict;
    }
    const [least, most] = pose.yaw;
    const fits = least <= yaw && yaw <= most;
    const beyond = aside && Math.abs(yaw) > SIDES[1] && Math.sign(yaw) === Math.sign(least);
    this.hold(fits ? this.held + 1 : 0);
    if (fits) return { good: true, text: t("guide.hold") };
    return { good: true, tone: "wait", text: t(beyond ? "guide.too_far" : `guide.${pose.name}`) };
  }

  hold(looks) {
    this.held = looks;
    this.filled[this.at] = Math.min(0.5, looks / 2 / HELD);
    if (looks >= HELD) this.take(this.at);
  }

  async take(at) {
    this.resting = true;
    const picture = { blob: await grab(this.video), capturedAt: Date.now() };
    this.resting = false;
    if (at !== this.at || this.box.hidden || this.paused) return; // skipped, stopped or sent meanwhile
    this.taken.push(picture);
    this.filled[at] = 1;
    this.next();
  }

  /** The ring around the face whose oval this is. */
  draw(pen, [cx, cy, rx, ry], line) {
    if (this.box.hidden) return;
    POSES.forEach(({ arc }, i) => {
      this.shown[i] += (this.filled[i] - this.shown[i]) / (calm.matches ? 1 : 6);
      const part = (share, colour, width) => {
        pen.lineWidth = line * width;
        pen.strokeStyle = colour;
        pen.beginPath();
        const [from, to] = [arc - THIRD * share, arc + THIRD * share].map((turn) => turn * Math.PI);
        pen.ellipse(cx, cy, rx * 1.34, ry * 1.28, 0, from, to);
        pen.stroke();
      };
      part(1, "#0b110ea8", 4.4);
      part(1, i === this.at ? "#fff" : "#ffffff52", i === this.at ? 2 : 1.2);
      if (this.shown[i] > 0.02) part(this.shown[i], "#c9f24d", 2.8);
    });
  }
}
