// Door 2: a face is recognised; who is in sees their record. Who has no face to show gets in by the recovery code.
import { login as send } from "./api.js";
import { entry } from "./entry.js";
import { button } from "./parts.js";
import { openRecord } from "./record.js";
import { recovery } from "./recovery.js";
import { Stage } from "./stage.js";
import { t } from "./texts.js";

export function login(door, dialog) {
  const stage = new Stage(door);
  const { form } = stage;
  const fill = (id) => (form.user_id.value = id);
  const leave = (id = "") => {
    stage.again();
    fill(id);
  };
  const open = (one) => openRecord({ stage, dialog, leave, ...one });
  const other = recovery({ stage, enter: open });
  const recover = () => other.open(form.user_id.value.trim());
  form.querySelector(".faceless").addEventListener("click", recover);

  const enter = (session) => open({
    token: session.token,
    title: t("login.welcome"),
    found: session.mode === "1:1" ? t("login.by_id") : t("login.by_face"),
    before: session.last_login_at,
    emotion: session.emotion,
    assurance: session.assurance,
  });

  function refused(problem) {
    const help = button(t("login.recover"), recover, "link");
    const later = problem.code === "too_many_challenges";
    if (later) stage.more(t("challenge.waiting"));
    if (later || problem.challenge) stage.notice.append(help);
    if (problem.code === "stopped") stage.fail(problem, help);
  }

  entry({ stage, send, enter, refused });
  return { fill };
}
