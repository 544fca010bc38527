// Into one's own record without a face: the ID and the recovery code. The code is used up, and the next one is shown.
import { Problem, recover } from "./api.js";
import { t } from "./texts.js";

export function recovery({ stage, enter }) {
  const form = stage.door.querySelector(".recovery");
  const go = form.querySelector(".go");

  function open(userId) {
    stage.clear();
    form.user_id.value = userId;
    turn(true);
    (userId ? form.code : form.user_id).focus();
  }

  function turn(open) {
    form.hidden = !open;
    stage.form.hidden = open;
    stage.show(open ? "recovery" : "idle");
  }

  form.querySelector(".back").addEventListener("click", () => {
    form.reset();
    stage.quiet();
    turn(false);
    stage.button.focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await stage.work(t("recovery.opening"), async () => {
      const [userId, code] = filled(form.user_id, form.code);
      const session = await recover(userId, code);
      form.reset();
      form.hidden = true;
      await enter({ token: session.token, title: t("recovery.in"), userId, code: session.recovery_code });
    }, go);
    if (problem?.code === "locked") stage.wait(go, problem.retryAfter);
  });
  return { open };
}

/** What was typed. Raises a Problem at the first empty field. */
function filled(...inputs) {
  const empty = inputs.find((input) => !input.value.trim());
  if (!empty) return inputs.map((input) => input.value.trim());
  empty.focus();
  throw new Problem({
    code: "incomplete",
    title: t("recovery.incomplete"),
    advice: t("recovery.incomplete_advice"),
  });
}
