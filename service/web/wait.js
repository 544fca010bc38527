// A button that has to wait: it says how long, and comes back by itself.
import { t } from "./texts.js";

const words = (seconds) =>
  seconds < 100
    ? t("wait.seconds", { seconds })
    : t("wait.minutes", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });

/** Counts `seconds` down on `go`, then calls `over`. Gives a function that ends it early. */
export function countdown(go, seconds, over) {
  const until = Date.now() + seconds * 1000;
  const label = go.dataset.label;
  let ticking = 0;
  const end = () => {
    clearInterval(ticking);
    go.disabled = false;
    go.textContent = label;
    delete go.dataset.waiting;
  };
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) {
      go.textContent = words(left);
      return;
    }
    end();
    over();
  };
  go.disabled = true;
  go.dataset.waiting = "";
  ticking = setInterval(tick, 250);
  tick();
  return end;
}
