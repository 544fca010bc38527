// Door 1: a face is enrolled.
import { enrol, Problem } from "./api.js";
import { button, date, element, facts, looks, rows, Stage } from "./stage.js";

export function register(door, { enrolled }) {
  const stage = new Stage(door);
  const { form } = stage;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stage.work("Looking…", async () => {
      if (!form.consent.checked) {
        form.consent.focus();
        throw new Problem({
          code: "consent_required",
          title: "Your agreement is missing",
          advice: "Read the sentence above and tick it if you agree. Nothing was sent.",
        });
      }
      const person = await enrol(await stage.collect(), form.label.value.trim(), form.looks.checked ? "" : "none");
      enrolled(person.user_id);
      show(stage, person);
    });
  });
}

function show(stage, person) {
  const id = element("code", person.user_id, "id");
  const copy = button("Copy the ID", async () => {
    try {
      await navigator.clipboard.writeText(person.user_id);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(id); // the clipboard is not allowed: leave it selected
    }
  });
  stage.finish(
    element("h3", "You are registered."),
    element("p", "The photos are gone. Keep this ID: with it you are recognised more easily."),
    id,
    facts([
      ["Since", date(person.created_at)],
      ["Kept", `${rows(person.photos)}, sealed`],
      ...looks(person.attributes),
    ]),
    copy,
    button("Register another person", () => stage.again()),
  );
}
