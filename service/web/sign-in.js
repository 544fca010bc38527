// The sign-in page of other applications: a face is recognised, then the browser goes on to where the service says.
import { decline, signIn } from "./api.js";
import { moves } from "./challenge.js";
import { watch } from "./frame.js";
import { Secret } from "./secret.js";
import { Stage } from "./stage.js";
import { t } from "./texts.js";

const stage = new Stage(document.getElementById("sign-in"));
const { form } = stage;
const secret = new Secret(form);
const leave = form.querySelector(".decline");

function goOn({ redirect }) {
  stage.clear();
  location.replace(redirect);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const moving = "live" in stage.door.dataset;
  const problem = await stage.work(moving ? t("challenge.working") : "Looking…", async () => {
    const fields = { user_id: form.user_id.value.trim(), passphrase: secret.value };
    goOn(moving ? await signIn([], { ...fields, ...(await moves(stage, "login")) }) : await signIn(await stage.collect(), fields));
  });
  if (!problem) return;
  if (problem.code === "too_many_challenges") stage.wait(stage.go, problem.retryAfter);
  if (problem.code === "locked") stage.wait(stage.go, problem.retryAfter);
  if (problem.code === "stopped") secret.open();
  if (problem.code === "not_recognised" && !secret.value) stage.more("If you have chosen a passphrase, give it as well.");
});

leave.addEventListener("click", () => stage.work("Going back…", async () => goOn(await decline()), leave));
watch();
