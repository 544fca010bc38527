// Door 1: a face is enrolled.
import { enrol } from "./api.js";
import { moves } from "./challenge.js";
import { Agreement } from "./consent.js";
import { button, date, element, facts, looks, rows } from "./parts.js";
import { Secret } from "./secret.js";
import { slip } from "./slip.js";
import { Stage } from "./stage.js";
import { t } from "./texts.js";

export function register(door, { enrolled }) {
  const stage = new Stage(door);
  const { form } = stage;
  const agreement = new Agreement(form.querySelector(".agree"));
  const secret = new Secret(form);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const moving = "live" in door.dataset;
    const problem = await stage.work(moving ? t("challenge.working") : "Looking…", async () => {
      const given = await agreement.given();
      const passphrase = secret.chosen;
      const fields = { ...given, passphrase, label: form.label.value.trim() };
      const person = moving ? await enrol([], { ...fields, ...(await moves(stage, "enrolment")) }) : await enrol(await stage.collect(), fields);
      enrolled(person.user_id);
      show(stage, person);
    });
    if (problem?.code === "consent_outdated") await agreement.renew().catch((failed) => stage.fail(failed));
    if (problem?.code === "too_many_challenges") stage.wait(stage.go, problem.retryAfter);
    if (problem?.code === "passphrase_required") {
      form.querySelector(".asked").textContent = "needed here";
      secret.input.required = true;
      secret.open();
    }
  });
  return { ready: () => agreement.ensure() };
}

function show(stage, person) {
  stage.finish(
    element("h3", "You are registered."),
    slip(person.user_id, person.recovery_code),
    facts([
      ["Since", date(person.created_at)],
      ["Kept", `${rows(person.photos)}, sealed; no picture`],
      ...looks(person.attributes),
    ]),
    button("I have kept them", () => stage.again()),
  );
}
