// Door 2: a face is recognised; who is in sees their record. Who has no face to show gets in by the recovery code.
import { login as send } from "./api.js";
import { button } from "./parts.js";
import { openRecord } from "./record.js";
import { recovery } from "./recovery.js";
import { Secret } from "./secret.js";
import { Stage } from "./stage.js";

export function login(door, dialog) {
  const stage = new Stage(door);
  const { form } = stage;
  const secret = new Secret(form);
  const fill = (id) => (form.user_id.value = id);
  const leave = (id = "") => {
    stage.again();
    fill(id);
  };
  const enter = (entry) => openRecord({ stage, dialog, leave, ...entry });
  const other = recovery({ stage, enter });
  const recover = () => other.open(form.user_id.value.trim());
  form.querySelector(".faceless").addEventListener("click", recover);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await stage.work("Looking…", async () => {
      const session = await send(await stage.collect(), { user_id: form.user_id.value.trim(), passphrase: secret.value });
      await enter({
        token: session.token,
        title: "It is you.",
        found: session.mode === "1:1" ? "by the ID you gave" : "among everybody, by face alone",
        before: session.last_login_at,
        emotion: session.emotion,
        assurance: session.assurance,
      });
    });
    if (problem) refused(problem);
  });

  function refused(problem) {
    const help = button("Use the recovery code", recover, "link");
    if (problem.code === "locked") stage.wait(stage.go, problem.retryAfter);
    if (problem.code === "stopped") {
      stage.fail(problem, help);
      secret.open();
    }
    if (problem.code === "not_recognised" && !secret.value) {
      stage.more("If you have chosen a passphrase, give it as well.");
    }
  }
  return { fill };
}
