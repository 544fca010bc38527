// Door 2: a face is recognised; who is in sees their record. Who has no face to show gets in by the recovery code.
import { login as send } from "./api.js";
import { moves } from "./challenge.js";
import { button } from "./parts.js";
import { openRecord } from "./record.js";
import { recovery } from "./recovery.js";
import { Secret } from "./secret.js";
import { Stage } from "./stage.js";
import { t } from "./texts.js";

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
    const moving = "live" in door.dataset || form.moving.checked;
    const problem = await stage.work(moving ? t("challenge.working") : t("stage.looking"), async () => {
      const fields = { user_id: form.user_id.value.trim(), passphrase: secret.value };
      const session = moving ? await send([], { ...fields, ...(await moves(stage, "login")) }) : await send(await stage.collect(), fields);
      await enter({
        token: session.token,
        title: t("login.welcome"),
        found: session.mode === "1:1" ? t("login.by_id") : t("login.by_face"),
        before: session.last_login_at,
        emotion: session.emotion,
        assurance: session.assurance,
      });
    });
    if (problem) refused(problem);
  });

  function refused(problem) {
    const help = button(t("login.recover"), recover, "link");
    if (problem.code === "too_many_challenges") {
      stage.wait(stage.go, problem.retryAfter);
      stage.more(t("challenge.waiting"));
    }
    if (problem.challenge || problem.code === "too_many_challenges") stage.notice.append(help);
    if (problem.code === "locked") stage.wait(stage.go, problem.retryAfter);
    if (problem.code === "stopped") {
      stage.fail(problem, help);
      secret.open();
    }
    if (problem.code === "not_recognised" && !secret.value) {
      stage.more(t("login.passphrase_too"));
    }
  }
  return { fill };
}
