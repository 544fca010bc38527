// One person: what an operator may know of them, and do.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { erase } from "./erase.js";
import { flags, looks } from "./people.js";
import { copier, dialog, drawn, moment, named, number } from "./view.js";

/** `changed`: somebody is gone; `closed`: the dialog is. */
export function person(id, { changed, closed }) {
  dialog(t("operator.person.title"), "person", (open) => {
    const place = element("div", "", "facts");
    const said = element("p", "", "said");
    said.role = "status";
    const show = drawn(place, async (signal) => [facts(await ask(`/people/${id}`, { signal })), acts()]);
    open.append(place, said, button(t("operator.close"), () => open.close(), "plain close"));
    open.addEventListener("close", closed);
    show();

    function acts() {
      const made = element("div", "", "acts");
      const log = element("a", t("operator.person.log"), "plain small");
      log.href = `#log/${id}`;
      log.addEventListener("click", () => open.close());
      made.append(
        log,
        button(t("operator.person.unlock"), async () => {
          try {
            await ask("/unlock", { fields: { user_id: id } });
            said.textContent = t("operator.person.unlocked");
            show();
          } catch (problem) {
            said.textContent = `${problem.title}. ${problem.advice}`;
          }
        }, "plain small"),
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
