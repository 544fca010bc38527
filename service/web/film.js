// A film: sent, worked on, taken away once.
import { Problem, filmJob, problemOf, unreachable } from "./api.js";
import { t } from "./texts.js";

const LARGEST = 64 * 2 ** 20; // bytes
const OFTEN = 700; // ms between two questions how far it is
const SHARES = { find: [0, 55], draw: [55, 40], check: [95, 5] }; // percent of the work: where a stage begins, how much it is

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class FilmWay {
  constructor(desk) {
    const find = (selector) => desk.root.querySelector(selector);
    Object.assign(this, { desk, film: null, job: null, turn: 0, done: null, problem: null, here: false, screen: find(".screen") });
    Object.assign(this, { go: find(".film button.go"), stop: find(".film .cancel"), link: find(".film .download"), bar: find(".film progress") });
    this.file = find(".film input[type=file]");
    this.sound = find(".film [name=audio]");
    this.step = find(".film .step");
    this.file.addEventListener("change", () => this.take([...this.file.files]));
    this.go.addEventListener("click", () => this.run());
    this.stop.addEventListener("click", () => this.cancel());
    addEventListener("pagehide", () => this.job?.cancel());
  }

  async take([film]) {
    this.file.value = "";
    if (!film) return;
    this.cancel();
    this.desk.quiet();
    this.film = this.problem = null;
    this.go.disabled = true;
    if (film.size > LARGEST) return this.desk.fail(this.desk.problem("film_over"));
    if (!film.size) return this.desk.fail(this.desk.problem("film_empty"));
    this.film = film;
    this.done = null;
    this.put(null);
    this.step.textContent = t("hide.film.chosen", { name: film.name, size: (film.size / 2 ** 20).toFixed(1) });
    this.go.disabled = false;
    return undefined;
  }

  pick() {
    this.file.click();
  }

  leave() {
    this.here = false;
    this.screen.pause();
  }

  /** Work goes on while another way is looked at; what came of it is shown on the return. */
  back() {
    this.here = true;
    this.desk.busy(!this.stop.disabled);
    if (this.done) this.show(this.done);
    if (this.problem) this.desk.fail(this.problem);
  }

  changed() {} // a film begun keeps its style

  async run() {
    const turn = ++this.turn;
    const { desk } = this;
    desk.quiet();
    this.problem = null;
    this.working(true);
    try {
      await desk.gallery.load();
      if (!desk.gallery.worn.length) throw desk.problem("no_style");
      const begun = await this.send([...desk.gallery.fields, ["audio", String(this.sound.checked)]]);
      const job = filmJob(begun);
      if (turn !== this.turn) return void job.cancel();
      this.job = job;
      await this.wait(job, turn);
      if (turn !== this.turn) return undefined;
      this.done = await job.take();
      if (this.here) this.show(this.done);
    } catch (problem) {
      if (turn === this.turn && problem.name !== "AbortError") this.failed(problem);
    }
    if (turn === this.turn) this.working(false);
    return undefined;
  }

  /** Told at once, or on the return. */
  failed(problem) {
    this.problem = problem;
    if (this.here) this.desk.fail(problem);
  }

  working(on) {
    this.stop.disabled = !on;
    this.go.disabled = on || !this.film;
    if (this.here) this.desk.busy(on);
    if (!on) {
      this.job = null;
      this.bar.value = 0;
      if (this.step.dataset.kind === "work") this.tell("");
    }
  }

  cancel() {
    if (this.stop.disabled) return;
    this.turn += 1;
    this.request?.abort();
    this.job?.cancel().catch(() => {}); // gone already
    this.working(false);
    this.tell(t("hide.film.cancelled"));
  }

  /** fetch does not say how much of a body is sent. */
  send(fields) {
    const data = new FormData();
    for (const [name, value] of fields) data.append(name, value);
    data.append("film", this.film, "film");
    const request = new XMLHttpRequest();
    this.request = request;
    return new Promise((resolve, reject) => {
      request.upload.addEventListener("progress", ({ loaded, total }) => this.sent((100 * loaded) / total));
      request.addEventListener("error", () => reject(unreachable()));
      request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      request.addEventListener("load", async () => {
        if (request.status === 202) return resolve(JSON.parse(request.responseText));
        const headers = { "Retry-After": request.getResponseHeader("Retry-After") ?? "" };
        return reject(await problemOf(new Response(request.responseText, { status: request.status, headers })));
      });
      request.open("POST", "/v1/overlays/films");
      request.send(data);
    });
  }

  async wait(job, turn) {
    while (turn === this.turn) {
      const { state, stage, done, about, code, title } = await job.progress();
      if (state === "failed") throw new Problem({ code, title });
      if (state === "done") return;
      if (state === "waiting" || !stage) this.far(t("hide.film.waiting"), 0);
      else {
        const [from, share] = SHARES[stage] ?? [0, 0];
        this.far(t(`hide.film.${stage}`, { done, about: about ?? "?" }), from + (about ? (share * Math.min(done, about)) / about : 0));
      }
      await pause(OFTEN);
    }
  }

  sent(percent) {
    this.far(t("hide.film.sending", { percent: Math.floor(percent) }), percent);
  }

  far(text, percent) {
    this.tell(text, "work");
    this.bar.value = percent;
  }

  tell(text, kind = "word") {
    this.step.textContent = text;
    this.step.dataset.kind = kind;
  }

  put(blob) {
    if (this.screen.src) URL.revokeObjectURL(this.screen.src);
    this.screen.removeAttribute("src");
    this.link.hidden = blob === null;
    this.desk.show(blob ? "film" : "idle");
    if (!blob) return;
    this.screen.src = this.link.href = URL.createObjectURL(blob);
    this.link.download = `faces-hidden.${blob.type === "video/mp4" ? "mp4" : "webm"}`;
  }

  show({ film, hides, faces, frames, black, matching }) {
    this.put(film);
    const lines = [t("hide.film.once")];
    if (hides && matching === 0) lines.unshift(t("hide.film.proof"));
    if (!hides && faces) lines.unshift(t("hide.proof.bare"));
    if (black) lines.push(t("hide.film.black", { count: black }));
    this.desk.tell(t(hides ? "hide.film.hidden" : "hide.film.dressed", { count: faces, frames }), lines);
  }
}
