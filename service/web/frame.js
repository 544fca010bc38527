// What every page has around its content: whether the service is there.
import { ready } from "./api.js";
import { t } from "./texts.js";

const OFTEN = 5_000; // ms between two questions while there is no answer
const SELDOM = 30_000;

/** `when`: what a page does each time the service has answered. */
export async function watch(when = () => {}) {
  const state = document.getElementById("service-state");
  let next = SELDOM;
  try {
    await ready();
    await when();
    state.dataset.state = "up";
    state.textContent = t("frame.ready");
  } catch {
    state.dataset.state = "down";
    state.textContent = t("frame.down");
    next = OFTEN;
  }
  setTimeout(() => watch(when), next);
}
