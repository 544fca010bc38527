// API keys: made (shown once), listed, revoked.
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { copier, dialog, drawn, field, moment, table, tag, trouble } from "./view.js";

const ROLES = ["verifier", "enroller", "auditor", "admin"];

export function keys(panel, { close, holder }) {
  const place = element("div", "", "results");
  const made = element("div", "", "made");
  const said = element("p", "", "said");
  said.role = "status";
  const head = element("div", "", "head");
  head.append(element("h2", t("operator.section.keys")));
  const show = drawn(place, async (signal) => [list((await ask("/api-keys", { signal })).keys)]);
  panel.append(head, form(made, show), made, said, place);

  function list(found) {
    const columns = [{ name: t("operator.keys.begins"), kind: "mono" }, t("operator.keys.name"), t("operator.keys.role"), t("operator.keys.made"), t("operator.keys.expires"), t("operator.keys.used"), { name: t("operator.keys.revoke"), kind: "act" }];
    const rows = found.map((each) => {
      const begins = element("span", each.prefix);
      if (each.prefix === holder().prefix) begins.append(" ", tag(t("operator.keys.yours"), "good"));
      const end = each.expires_at ? moment(each.expires_at, "day") : element("span", t("operator.holder.ever"), "quiet");
      const over = each.expires_at && new Date(each.expires_at) <= Date.now();
      const act = button(t("operator.keys.revoke"), () => revoke(each), "plain small danger");
      act.ariaLabel = `${t("operator.keys.revoke")}: ${each.prefix}`;
      return [begins, each.name, each.role, moment(each.created_at, "day"), over ? tag(t("operator.keys.expired"), "bad", each.expires_at) : end, moment(each.last_used_at, "ago"), act];
    });
    return table(t("operator.keys.caption"), columns, rows, { empty: t("operator.keys.empty"), kind: "cards" });
  }

  function revoke(each) {
    const own = each.prefix === holder().prefix;
    dialog(t("operator.keys.sure", each), "sure", (open) => {
      const place2 = element("div", "", "steps");
      const act = async () => {
        try {
          await ask(`/api-keys/${each.prefix}`, { method: "DELETE" });
        } catch (problem) {
          place2.replaceChildren(trouble(problem));
          return;
        }
        open.close();
        if (own) close(t("operator.gate.lost"));
        else {
          said.textContent = t("operator.keys.revoked", each);
          show();
        }
      };
      place2.append(element("p", t("operator.keys.sure_why", each)));
      if (own) place2.append(element("p", t("operator.keys.sure_own"), "notice"));
      const pair = element("div", "", "pair");
      pair.append(button(t("operator.keys.revoke"), act, "go danger"), button(t("operator.keys.keep"), () => open.close(), "plain"));
      place2.append(pair);
      open.append(place2);
    });
  }

  return () => show();
}

function form(made, show) {
  const box = element("form", "", "make");
  const name = field(t("operator.keys.name"), { maxLength: 100, required: true, autocomplete: "off" });
  const days = field(`${t("operator.keys.days")} (${t("operator.keys.days_hint")})`, { type: "number", min: 1, max: 3650, inputMode: "numeric" });
  const role = element("label", "", "field");
  const choices = element("select");
  choices.append(...ROLES.map((each) => new Option(t(`operator.keys.roles.${each}`), each)));
  role.append(element("b", t("operator.keys.role")), choices);
  const refused = element("div");
  box.append(name, role, days, element("button", t("operator.keys.create"), "plain"), refused);
  box.ariaLabel = t("operator.keys.make");
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    refused.replaceChildren();
    const life = days.querySelector("input").value;
    try {
      const fresh = await ask("/api-keys", { fields: { role: choices.value, name: name.querySelector("input").value, ...(life && { expires_days: life }) } });
      box.reset();
      made.replaceChildren(slip(fresh, made));
      made.firstChild.focus();
      show();
    } catch (problem) {
      refused.replaceChildren(trouble(problem));
    }
  });
  return box;
}

function slip(fresh, place) {
  const card = element("div", "", "slip");
  card.tabIndex = -1;
  const head = element("div", "", "line");
  const shown = element("code", fresh.key);
  head.append(shown, copier(fresh.key, t("operator.section.keys")));
  card.append(element("b", t("operator.keys.once")), head, button(t("operator.keys.done"), () => place.replaceChildren(), "plain small"));
  return card;
}
