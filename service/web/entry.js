// Getting in by face, as a door's form asks for it: pictures, or movements where they are needed or wanted.
import { moves } from "./challenge.js";
import { Secret } from "./secret.js";
import { t } from "./texts.js";

/** Wires the form of `stage`. `send` takes pictures and fields, `enter` what it gave; `refused` is called with a Problem
 * that is not yet told in full. */
export function entry({ stage, send, enter, refused = () => {} }) {
  const { door, form } = stage;
  const secret = new Secret(form);

  async function shown(moving) {
    return moving ? [[], await moves(stage, "login")] : [await stage.collect(), {}];
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const moving = "live" in door.dataset || form.moving?.checked;
    const problem = await stage.work(t(moving ? "challenge.working" : "stage.looking"), async () => {
      const fields = { user_id: form.user_id.value.trim(), passphrase: secret.value };
      const [pictures, passed] = await shown(moving);
      await enter(await send(pictures, { ...fields, ...passed }));
    });
    if (!problem) return;
    if (["too_many_challenges", "locked"].includes(problem.code)) stage.wait(stage.go, problem.retryAfter);
    refused(problem);
    if (problem.code === "stopped") secret.open();
    if (problem.code === "not_recognised" && !secret.value) stage.more(t("login.passphrase_too"));
  });
}
