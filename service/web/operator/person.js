// One person: what an operator may know of them, and do.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { erase } from "./erase.js";
import { flags, looks } from "./people.js";
import { copier, dialog, drawn, moment, named, number } from "./view.js";

/** `changed`: somebody is gone, or flagged no more; `closed`: the dialog is. */
export function person(id, { changed, closed }) {
  dialog(t("operator.person.title"), "person", (open) => {
    const place = element("div", "", "facts");
    const said = element("p", "", "said");
    said.role = "status";
    said.tabIndex = -1;
    const show = drawn(place, async (signal) => {
      const told = await ask(`/people/${id}`, { signal });
      return [facts(told), acts(told)];
    });
    open.append(place, said, button(t("operator.close"), () => open.close(), "plain close"));
    open.addEventListener("close", closed);
    show();

    async function act(path, options, words) {
      try {
        await ask(path, options);
        said.textContent = t(words);
        said.focus(); // the button may be gone
        await show();
      } catch (problem) {
        said.textContent = `${problem.title}. ${problem.advice}`;
      }
    }

    async function clear() {
      await act(`/people/${id}/flag`, { method: "DELETE" }, "operator.person.cleared");
      changed();
    }

    function acts({ flagged }) {
      const made = element("div", "", "acts");
      const log = element("a", t("operator.person.log"), "plain small");
      log.href = `#log/${id}`;
      log.addEventListener("click", () => open.close());
      const unlock = () => act("/unlock", { fields: { user_id: id } }, "operator.person.unlocked");
      if (flagged) made.append(button(t("operator.person.clear"), clear, "plain small clear"));
      made.append(
        log,
        button(t("operator.person.unlock"), unlock, "plain small"),
        button(t("operator.person.erase"), () => { open.close(); erase({ ids: [id] }, changed); }, "plain small danger"),
      );
      return made;
    }
  });
}

function facts(told) {
  const list = element("dl");
  const add = (name, ...value) => {
    const dd = element("dd");
    dd.append(...value);
    list.append(element("dt", name), dd);
  };
  add(t("operator.people.id"), element("code", told.user_id, "id"), copier(told.user_id, t("operator.people.id")));
  if (told.flagged || !told.readable) {
    const reasons = [told.flagged && (told.flag_reason ?? "look_alike"), !told.readable && "unreadable"].filter(Boolean);
    add(t("operator.people.flags"), flags(told), ...reasons.map((kind) => element("p", named("operator.flagged_for", kind), "small")));
  }
  add(t("operator.people.enrolled"), moment(told.enrolled_at));
  add(t("operator.people.seen"), moment(told.last_login_at));
  add(t("operator.people.photos"), number(told.photos));
  add(t("operator.people.looks"), looks(told.attributes));
  const mood = told.attributes?.emotion?.value;
  if (mood && mood !== "unknown") add(t("operator.person.mood"), mood);
  add(t("operator.person.uses"), told.uses.join(", ") || t("operator.none"));
  const kept = told.passphrase === null ? "unknown" : told.passphrase ? "yes" : "no";
  add(t("operator.person.passphrase"), t(`operator.person.${kept}`));
  const { failures, wait_seconds: seconds } = told;
  add(t("operator.person.failures"), failures ? t("operator.person.waits", { count: failures, seconds: number(seconds) }) : t("operator.none"));
  add(t("operator.person.models"), element("code", told.models.join(", ")));
  return list;
}
