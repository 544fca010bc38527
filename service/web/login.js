// Door 2: a face is recognised; who is in can see what is kept of them, and erase it.
import { erase, login as send, me } from "./api.js";
import { button, date, element, facts, looks, rows, Stage } from "./stage.js";

export function login(door, dialog) {
  const stage = new Stage(door);
  const { form } = stage;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stage.work("Looking…", async () => {
      const session = await send(await stage.collect(), form.user_id.value.trim());
      show(stage, session, dialog);
    });
  });
  return { fill: (id) => (form.user_id.value = id) };
}

function show(stage, session, dialog) {
  const rows = [
    ["You are", session.user_id, "id"],
    ["Since", date(session.enrolled_at)],
    ["Last here", session.last_login_at ? date(session.last_login_at) : "never before"],
    ...looks({ ...session.attributes, emotion: session.emotion }),
    ["Found", session.mode === "1:1" ? "by the ID you gave" : "among everybody, by face alone"],
  ];
  const kept = element("div", "", "kept");
  const look = button("Show what is kept of me", () => act(stage, async () => {
    const record = await me(session.token);
    kept.replaceChildren(facts([
      ["Photos", `${rows(record.photos)}; no picture`],
      ["Models", record.models.join(", ")],
      ["Name", record.metadata?.label ?? "none"],
    ]));
    look.remove();
  }));
  stage.finish(
    element("h3", "It is you."),
    facts(rows),
    kept,
    look,
    button("Log out", () => stage.again()),
    button("Erase me…", () => confirmErase(stage, session.token, dialog), "plain danger"),
  );
}

function confirmErase(stage, token, dialog) {
  dialog.returnValue = "keep";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "erase") return;
    act(stage, async () => {
      const gone = await erase(token);
      stage.finish(
        element("h3", "You are erased."),
        element("p", gone
          ? "Your key is destroyed and the space it took is cleared. Nobody can open what was kept of you."
          : "Your key is destroyed. Nobody can open what was kept of you; the space it took is being cleared now."),
        button("Done", () => stage.again()),
      );
    });
  }, { once: true });
  dialog.showModal();
}

async function act(stage, task) {
  stage.quiet();
  try {
    await task();
  } catch (problem) {
    stage.fail(problem);
  }
}
