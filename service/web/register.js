// Door 1: a face is enrolled.
import { enrol } from "./api.js";
import { moves } from "./challenge.js";
import { Agreement } from "./consent.js";
import { Guide } from "./guide.js";
import { portrait } from "./live.js";
import { button, date, element, facts, looks, rows } from "./parts.js";
import { Secret } from "./secret.js";
import { slip } from "./slip.js";
import { BURST, Stage } from "./stage.js";
import { t } from "./texts.js";

export function register(door, { enrolled }) {
  const moving = "live" in door.dataset; // movements are asked for instead of poses
  const guide = new Guide(door.querySelector(".guide"), hold);
  const stage = new Stage(door, {
    judge: (seen) => (moving ? portrait(seen) : guide.judge(seen)),
    around: (...where) => guide.draw(...where),
    opened: (video) => moving || guide.start(video),
    emptied: () => guide.reset(),
  });
  const { form } = stage;
  const agreement = new Agreement(form.querySelector(".agree"));
  const secret = new Secret(form);

  /** All poses are there: the camera has nothing more to do. */
  function hold(pictures, focused) {
    stage.clear();
    stage.hold(pictures);
    stage.hint(t("guide.finished", { count: pictures.length }), "good");
    if (focused) stage.button.focus();
  }

  /** The poses so far, filled up to a burst from the camera; or what was chosen. */
  async function pictures() {
    guide.paused = true;
    try {
      const taken = [...guide.taken];
      return [...taken, ...(await stage.collect(BURST - taken.length))];
    } finally {
      guide.paused = false;
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await stage.work(t(moving ? "challenge.working" : "stage.looking"), async () => {
      const given = await agreement.given();
      const passphrase = secret.chosen;
      const fields = { ...given, passphrase, label: form.label.value.trim() };
      const person = moving ? await enrol([], { ...fields, ...(await moves(stage, "enrolment")) }) : await enrol(await pictures(), fields);
      enrolled(person.user_id);
      show(stage, person, passphrase);
    });
    if (problem?.code === "consent_outdated") await agreement.renew().catch((failed) => stage.fail(failed));
    if (problem?.code === "too_many_challenges") stage.wait(stage.go, problem.retryAfter);
    if (problem?.code === "passphrase_required") {
      form.querySelector(".asked").textContent = t("consent.passphrase_needed");
      secret.input.required = true;
      secret.open();
    }
  });
  return { ready: () => agreement.ensure() };
}

function show(stage, person, passphrase) {
  stage.finish(
    element("h3", t("register.done")),
    slip(person.user_id, person.recovery_code),
    facts([
      [t("register.since"), date(person.created_at)],
      [t("register.kept"), t("register.sealed", { rows: rows(person.photos) })],
      [t("register.moments"), t("register.captures", { count: person.captures })],
      ...(passphrase ? [[t("register.factor"), t("register.factor_set")]] : []),
      ...looks(person.attributes),
    ]),
    button(t("register.keep"), () => stage.again()),
  );
}
