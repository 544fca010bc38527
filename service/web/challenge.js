// Movements before the camera, told one at a time, that a photo cannot make: gives what a login goes on with.
import { Problem, openChallenge } from "./api.js";
import { grab } from "./camera.js";
import { button, element } from "./parts.js";
import { t } from "./texts.js";

const LONGEST = 720; // pixels of a frame
const BETWEEN = 45; // ms between two frames at least
const COLOUR = 500; // ms of a colour at least: two changes a second
const WINDOW = 4; // seconds for one movement, as the service counts them
const SVG = "http://www.w3.org/2000/svg";
const ARROW = "M84 50H18M46 20 16 50l30 30";
// Left and right are the person's own, and the picture is mirrored: left is left on the screen as well.
const FIGURES = {
  turn_left: [ARROW, 0],
  slightly_left: [ARROW, 0],
  turn_right: [ARROW, 180],
  slightly_right: [ARROW, 180],
  look_up: [ARROW, 90],
  look_down: [ARROW, 270],
  smile: ["M18 44c10 40 54 40 64 0", 0],
  blink_twice: ["M12 46c8 14 24 14 32 0M56 46c8 14 24 14 32 0", 0],
  come_closer: ["M34 34 14 14m0 18V14h18M66 34l20-20m-18 0h18v18M34 66 14 86m18 0H14V68M66 66l20 20m0-18v18H68", 0],
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one challenge on a stage; `purpose`: login or enrolment. Gives `challenge_id` and `nonce` once it is passed.
 * Raises a Problem that says kindly why not. */
export async function moves(stage, purpose) {
  if (!stage.hasCamera) await stage.start();
  if (!stage.hasCamera) throw new Problem({ code: "no_camera", title: t("challenge.camera.title"), advice: t("challenge.camera.advice") });
  const asked = await openChallenge(purpose);
  if (asked.light && matchMedia("(prefers-reduced-motion: reduce)").matches) throw told("light_refused");
  if (asked.light && !(await warned())) throw told("light_stopped");
  stage.live.stop();
  const board = new Board(stage, asked.count);
  try {
    const end = await converse(stage, board, asked, purpose);
    if (end.phase !== "passed") throw unmet(end);
    return { challenge_id: asked.challenge_id, nonce: asked.nonce };
  } finally {
    board.remove();
    stage.hint("");
    if (stage.hasCamera) stage.live.start();
  }
}

function unmet({ phase, code, problem }) {
  if (phase === "refused") return new Problem(problem);
  return told(code);
}

function told(code) {
  const said = { code, title: t(`challenge.failed.${code}.title`), advice: t(`challenge.failed.${code}.advice`) };
  return Object.assign(new Problem(said), { challenge: true });
}

const lost = { phase: "failed", code: "connection" };

async function converse(stage, board, { challenge_id, nonce }, purpose) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/v1/challenges/${challenge_id}`);
  const heard = [];
  let wake = () => {};
  const hear = (told) => {
    heard.push(told);
    wake();
  };
  socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
  socket.addEventListener("close", () => hear(lost));
  board.exchange = () => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ exchange: true }));
  const next = async () => {
    while (!heard.length) await new Promise((resolve) => (wake = resolve));
    return heard.shift();
  };
  try {
    await new Promise((resolve) => ["open", "close"].forEach((kind) => socket.addEventListener(kind, resolve)));
    if (socket.readyState !== WebSocket.OPEN) return lost;
    socket.send(JSON.stringify({ nonce, purpose }));
    for (;;) {
      const told = await next();
      if (["passed", "failed", "refused"].includes(told.phase)) return told;
      board.show(told);
      const lit = await board.light(told);
      if (board.stopped) return { phase: "failed", code: "light_stopped" };
      await pause(BETWEEN);
      if (!stage.hasCamera) return lost;
      const at = performance.now();
      const frame = await grab(stage.video, LONGEST, 0.9);
      if (socket.readyState !== WebSocket.OPEN) return lost;
      socket.send(JSON.stringify({ at, lit }));
      socket.send(frame);
    }
  } finally {
    socket.close();
  }
}

/** Says that colours will come, before anything moves or is lit; gone on with by the person alone. */
function warned() {
  const sheet = element("dialog", "", "warning");
  const title = element("h2", t("challenge.light.title"));
  const choice = element("form");
  title.id = "light-warning";
  sheet.setAttribute("aria-labelledby", title.id);
  return new Promise((resolve) => {
    const close = (begins) => {
      sheet.remove();
      resolve(begins);
    };
    choice.append(button(t("challenge.light.decline"), () => close(false)), button(t("challenge.light.begin"), () => close(true), "go"));
    sheet.append(title, element("p", t("challenge.light.warning")), choice);
    sheet.addEventListener("cancel", () => close(false));
    document.body.append(sheet);
    sheet.showModal();
  });
}

/** Over everything, so that nothing else of the page is lit or pressed meanwhile. */
function lamp() {
  const sheet = element("dialog");
  sheet.className = "lamp";
  const words = element("p", t("challenge.light.showing"));
  words.setAttribute("role", "status");
  sheet.append(words, button(t("challenge.light.stop"), () => sheet.close(), "stop"));
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}

/** What is shown over the camera's picture: one figure, one sentence, the time that is left, what is done. */
class Board {
  constructor(stage, count) {
    const box = element("div");
    box.className = "moves";
    const figure = document.createElementNS(SVG, "svg");
    figure.setAttribute("viewBox", "0 0 100 100");
    figure.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    figure.append(path);
    const words = element("p");
    words.className = "move";
    words.setAttribute("role", "status");
    const left = element("span");
    left.className = "left";
    left.setAttribute("aria-hidden", "true");
    const dots = element("ol");
    dots.className = "dots";
    dots.setAttribute("aria-hidden", "true");
    const other = button(t("challenge.exchange"), () => this.exchange(), "other");
    box.append(dots, figure, words, left, other);
    Object.assign(this, { stage, box, path, words, left, dots, other, step: undefined, since: 0, exchange: () => {} });
    this.count(0, count);
    stage.stage.append(box);
    stage.stage.dataset.moving = "";
  }

  show({ phase, step, done = 0, of = 0, hint, exchange }) {
    if (phase === "busy") return;
    this.count(done, of);
    if (step !== this.step) this.ask(step, phase);
    this.left.textContent = step && phase === "asked" ? Math.max(0, Math.ceil(WINDOW - (performance.now() - this.since) / 1000)) : "";
    this.other.hidden = !exchange;
    this.stage.hint(hint ? t(`challenge.hint.${hint}`) : "");
  }

  ask(step, phase) {
    Object.assign(this, { step, since: performance.now() });
    const [shape, degrees] = FIGURES[step] ?? ["", 0];
    this.path.setAttribute("d", shape);
    this.path.setAttribute("transform", `rotate(${degrees} 50 50)`);
    this.box.dataset.step = step ?? "";
    this.words.textContent = step ? t(`challenge.step.${step}`) : t("challenge.straight");
    this.box.dataset.phase = phase;
  }

  count(done, of) {
    while (this.dots.children.length < of) this.dots.append(element("li"));
    while (this.dots.children.length > of && of) this.dots.lastChild.remove();
    [...this.dots.children].forEach((dot, i) => dot.classList.toggle("done", i < done));
  }

  /** The whole screen in the colour that is told; gives the number of the one that is seen. Whatever the service says, a
   * colour stays for half a second: faster ones harm people. */
  async light({ phase, colour, done = 0 }) {
    if (phase === "busy") return this.lit;
    if (phase !== "lighting") {
      this.isOver = this.lamp !== undefined;
      this.lamp?.close();
      return undefined;
    }
    if (!this.lamp) {
      this.lamp = lamp();
      this.lamp.addEventListener("close", () => (this.stopped = !this.isOver));
    }
    if (done !== this.lit) {
      await pause(Math.max(0, this.lit === undefined ? 0 : this.turned + COLOUR - performance.now()));
      this.lamp.dataset.colour = colour;
      this.turned = performance.now();
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      this.lit = done;
    }
    return this.lit;
  }

  remove() {
    this.lamp?.remove();
    this.box.remove();
    delete this.stage.stage.dataset.moving;
  }
}
