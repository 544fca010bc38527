// The networks in use: what was measured of them, and what they are not for.
import { element, facts } from "../parts.js";
import { t } from "../texts.js";
import { ask } from "./ask.js";
import { drawn, number, table, tag } from "./view.js";

const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function models(panel) {
  const place = element("div", "", "results");
  const head = element("div", "", "head");
  head.append(element("h2", t("operator.section.models")));
  panel.append(head, place);
  const show = drawn(place, async (signal) => {
    const { recognition, cards } = await ask("/models", { signal });
    const list = element("div", "", "sheets");
    list.append(...cards.map(card));
    return [decisions(recognition), list];
  });
  return () => place.querySelector(".sheets") ?? show();
}

function decisions(told) {
  const made = element("article", "", "sheet");
  const fmrs = [...new Set(told.rates.map(({ fmr }) => fmr))].sort((one, other) => other - one);
  const modes = [...new Set(told.rates.map((each) => `${each.enrolled} : ${each.captures}`))];
  const rows = modes.map((mode) => [mode, ...fmrs.map((fmr) => {
    const rate = told.rates.find((each) => `${each.enrolled} : ${each.captures}` === mode && each.fmr === fmr);
    const shown = element("span", rate ? percent.format(rate.fnmr) : "–");
    if (rate?.in_use) shown.append(" ", tag(t("operator.models.in_use"), "good"));
    return shown;
  })]);
  const columns = [t("operator.models.mode"), ...fmrs.map((fmr) => ({ name: t("operator.models.fmr", { fmr: number(fmr) === "0" ? fmr.toExponential(0) : fmr }), kind: "count" }))];
  made.append(
    element("h3", t("operator.models.recognition")),
    element("p", told.model_id, "id"),
    element("p", t("operator.models.used", told)),
    table(t("operator.models.rates"), columns, rows, { showCaption: true }),
    ...told.measured_on.map((source) => element("p", t("operator.models.measured_on", { source }), "small")),
    ...(told.licence ? [element("p", told.licence, "small")] : []),
  );
  return made;
}

function card(told) {
  const made = element("article", "", "sheet");
  made.append(element("h3", told.role), element("p", told.file, "id"), facts([
    [t("operator.models.measured"), told.measured || t("operator.models.unmeasured")],
    ...(told.limits ? [[t("operator.models.limits"), told.limits]] : []),
    ...(told.out_of_scope ? [[t("operator.models.not_for"), told.out_of_scope]] : []),
    [t("operator.models.source"), `${told.package} ${told.version}`],
    [t("operator.models.licence"), told.licence],
    [t("operator.models.digest"), told.sha256, "id"],
  ]));
  if (told.figures.length) {
    const [head, ...rows] = told.figures;
    const more = element("details", "", "alternative");
    more.append(element("summary", t("operator.models.figures")), table(told.role, head.map((name, i) => ({ name, kind: i ? "count" : "" })), rows));
    made.append(more);
  }
  return made;
}
