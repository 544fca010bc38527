// The operator's page: the key at the gate, then sections with addresses of their own behind the #.
import { watch } from "../frame.js";
import { button, element } from "../parts.js";
import { t } from "../texts.js";
import { activity } from "./activity.js";
import { ask, onRefusal } from "./ask.js";
import { forget, keep, key } from "./key.js";
import { keys } from "./keys.js";
import { log } from "./log.js";
import { lookalikes } from "./lookalikes.js";
import { models } from "./models.js";
import { people } from "./people.js";
import { settings } from "./settings.js";
import { shortcuts } from "./shortcuts.js";
import { moment, tag } from "./view.js";

const MAKE = { people, activity, log, keys, settings, models, lookalikes };
const FOR_AUDITORS = ["activity", "log", "models"];
const gate = document.getElementById("gate");
const desk = document.getElementById("desk");
const input = document.getElementById("key");
const notice = document.getElementById("gate-notice");
const tabs = [...desk.querySelectorAll("[role=tab]")];
let holder = null;
let sections = {};

/** Names of the sections that the key in use may see. */
const seen = () => (holder?.role === "admin" ? Object.keys(MAKE) : FOR_AUDITORS);

function close(words = "") {
  forget();
  holder = null;
  sections = {};
  document.querySelectorAll("dialog").forEach((open) => open.close());
  desk.querySelectorAll(".panel, .holder").forEach((part) => part.replaceChildren());
  desk.hidden = true;
  gate.hidden = false;
  say(words);
  input.value = "";
  input.focus();
}

function say(words) {
  notice.hidden = !words;
  notice.textContent = words;
  input.ariaInvalid = words ? "true" : null;
}

async function open(shown) {
  try {
    holder = await ask("/key", { shown });
  } catch (problem) {
    const why = { api_key_required: "wrong", role_required: "role" }[problem.code];
    return why ? close(t(`operator.gate.${why}`)) : waitFor(shown, problem);
  }
  keep(shown);
  input.value = "";
  say("");
  gate.hidden = true;
  desk.hidden = false;
  introduce();
  route();
  return null;
}

/** Not the key's fault: it stays, and is tried again with the next press or reload. */
function waitFor(shown, problem) {
  gate.hidden = false;
  input.value = shown;
  say(`${problem.title}. ${problem.advice}`);
}

function introduce() {
  for (const tab of tabs) tab.hidden = !seen().includes(named(tab));
  const until = element("span");
  if (holder.expires_at) until.append(...t("operator.holder.until").split("{date}").flatMap((text, i) => (i ? [moment(holder.expires_at, "day"), text] : [text])));
  else until.textContent = t("operator.holder.ever");
  const card = desk.querySelector(".holder");
  card.replaceChildren(
    element("h2", t("operator.holder.name"), "unseen"),
    element("b", holder.name),
    element("code", holder.prefix),
    tag(holder.role),
    ...(holder.tenant === "default" ? [] : [element("span", t("operator.holder.tenant", holder))]),
    until,
    button(t("operator.holder.forget"), () => close(), "plain small forget"),
    button(t("operator.shortcuts.open"), () => shortcutList(), "link"),
  );
}

const named = (tab) => tab.id.slice("tab-".length);

/** Shows the section that the address names: `#people/ID?which=flagged`. */
function route() {
  if (!holder) return;
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [asked, ...rest] = path.split("/");
  const name = seen().includes(asked) ? asked : seen()[0];
  const fresh = tabs.find((tab) => tab.ariaSelected === "true")?.id !== `tab-${name}`;
  for (const tab of tabs) {
    const here = named(tab) === name;
    tab.ariaSelected = String(here);
    tab.tabIndex = here ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !here;
    if (here && fresh) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const panel = document.getElementById(`panel-${name}`);
  document.title = `${t(`operator.section.${name}`)} · facewarden`;
  sections[name] ??= MAKE[name](panel, { close, holder: () => holder });
  sections[name](decodeURIComponent(rest[0] ?? ""), new URLSearchParams(query));
}

desk.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const shown = tabs.filter((tab) => !tab.hidden);
  const at = shown.indexOf(document.activeElement);
  const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (event.key === " ") document.activeElement.click();
  else if (next === undefined) return;
  else shown.at(next % shown.length).focus();
  event.preventDefault();
});

gate.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const go = gate.querySelector(".go");
  const shown = input.value.trim();
  if (!shown) {
    say(t("operator.gate.missing"));
    input.focus();
    return;
  }
  go.disabled = true;
  await open(shown);
  go.disabled = false;
});

const reveal = gate.querySelector(".secret button");
reveal.addEventListener("click", () => {
  const plain = input.type === "password";
  input.type = plain ? "text" : "password";
  reveal.ariaPressed = String(plain);
  reveal.textContent = t(plain ? "operator.gate.hide" : "operator.gate.show");
});

const shortcutList = shortcuts(() => tabs.filter((tab) => !tab.hidden));
onRefusal(() => close(t("operator.gate.lost")));
addEventListener("hashchange", route);
if (key()) open(key());
else close();
// When the service is back, so is what could not be shown.
watch(() => desk.querySelectorAll(".panel:not([hidden]) .trouble[data-code=unreachable] .again").forEach((again) => again.click()));
