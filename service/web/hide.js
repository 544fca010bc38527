// Door 3: faces in a picture are hidden; before and after lie on one another, with a cut to move.
import { hide as send } from "./api.js";
import { group } from "./live.js";
import { element } from "./parts.js";
import { Stage } from "./stage.js";

const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

export function hide(door) {
  const stage = new Stage(door, { most: 1, judge: group, chosen: run, emptied: reset });
  const { form } = stage;
  const compare = door.querySelector(".compare");
  const [before, after] = compare.querySelectorAll("img");
  const slide = door.querySelector(".slide");
  let picture = null; // what is being worked on: kept in this page's memory only
  let stopper = null;

  const cut = () => compare.style.setProperty("--cut", `${form.cut.value}%`);
  form.cut.addEventListener("input", cut);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  for (const choice of form.elements.style) choice.addEventListener("change", () => picture && run());
  cut();

  function reset() {
    stopper?.abort();
    picture = null;
    for (const image of [before, after]) free(image);
    compare.hidden = slide.hidden = stage.done.hidden = true;
  }

  async function snapshot() {
    const [frame] = await stage.collect(1);
    stage.clear();
    stage.hold([frame]);
  }

  function run() {
    stopper?.abort();
    return stage.work("Hiding…", async () => {
      if (stage.hasCamera) await snapshot();
      const [{ blob }] = await stage.collect(); // says so when there is none yet
      picture = blob;
      stopper = new AbortController();
      show(await send(blob, form.elements.style.value, stopper.signal));
    });
  }

  function show(result) {
    stage.show("compared");
    put(before, picture);
    put(after, result.picture);
    compare.hidden = slide.hidden = false;
    const link = element("a", "Download the picture", "go");
    link.href = after.src;
    link.download = `faces-hidden.${ENDINGS[result.picture.type] ?? "jpg"}`;
    stage.done.replaceChildren(element("p", words(result)), link);
    stage.done.hidden = false;
    if (document.activeElement === document.body || document.activeElement === stage.go) stage.done.focus();
  }
}

function words({ faces, smallest }) {
  const count = faces === 0 ? "No face was found" : `${faces} ${faces === 1 ? "face is" : "faces are"} hidden`;
  return `${count}; faces down to ${Math.ceil(smallest)} pixels were looked for. Look at the result before you share it.`;
}

function free(image) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
}

function put(image, blob) {
  free(image);
  image.src = URL.createObjectURL(blob);
}
