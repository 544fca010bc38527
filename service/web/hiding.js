// The page that hides faces: three ways, each with an address of its own, on one stage.
import { CameraWay } from "./camera-way.js";
import { Desk } from "./desk.js";
import { FilmWay } from "./film.js";
import { watch } from "./frame.js";
import { Photo } from "./photo.js";

const root = document.getElementById("hide");
const tabs = [...root.querySelectorAll("[role=tab]")];
const desk = new Desk(root, () => (way === "photo" ? ways.photo.soon() : ways[way].changed()));
const ways = { photo: new Photo(desk), live: new CameraWay(desk), film: new FilmWay(desk) };
let way = "";

function turn() {
  const next = location.hash.slice(1) in ways ? location.hash.slice(1) : "photo";
  if (next === way) return;
  ways[way]?.leave();
  way = next;
  root.dataset.way = way;
  for (const tab of tabs) {
    const mine = tab.hash === `#${way}`;
    tab.ariaSelected = String(mine);
    tab.tabIndex = mine ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !mine;
  }
  desk.quiet();
  desk.hint("");
  desk.busy(false);
  desk.gallery.limit(way !== "photo");
  desk.privacy.clear();
  desk.show("idle");
  ways[way].back?.();
}

root.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  location.hash = next.hash;
  next.focus();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => { // wherever: beside the stage the browser would leave the page for the file
    event.preventDefault();
    desk.stage.classList.toggle("over", kind === "dragover" && "take" in ways[way]);
    if (kind === "drop") ways[way].take?.([...event.dataTransfer.files]);
  });
}
desk.stage.addEventListener("click", () => root.dataset.state === "idle" && ways[way].pick?.());
addEventListener("paste", ({ clipboardData }) => ways[way].take?.([...clipboardData.files]));
addEventListener("hashchange", turn);
turn();
desk.gallery.load().catch((problem) => desk.fail(problem));
watch(() => desk.gallery.load());
