"""A camera in the page that plays a person's own films: at rest, and the movement that the page asks for.

The frames are served to the page under its own address and drawn onto a canvas, which takes the camera's place.
From one piece to the next the picture is blended, since the cuts are of our making. The film goes on by a clock of its
own, which the page reads as well: a busy machine takes longer, and sees the same film.
"""

import json
from collections.abc import Callable, Container, Sequence
from pathlib import Path

import cv2
from playwright.sync_api import Page, Route

from evaluation.liveness.films import frames

FOLDER = "/film/"
RATE = 25
SLOWEST_MS = 80
"""Between two pictures, by the clock of page and camera: it waits where a busy machine asks for the next one later."""
PATIENCE = 300_000
TRIES = 4
"""After five failed challenges a person waits."""
UNDECIDED = {"too_soft", "connection", "unclear", "not_alive"}
"""What the film looks like now and then, coded anew: soft, and flat where two of its pictures are blended (3 tries of
16 on a busy machine; `evaluate liveness` blends nothing)."""
SCRIPT = """
(() => {
  const [film, rests, moves, rate, blend, slowest, face] = ARGUMENTS;
  const LIGHTS = { red: "#f00", green: "#0f0", blue: "#00f", white: "#fff" };
  const pictures = [];
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const clock = performance.now.bind(performance);
  let [shown, real] = [0, 0]; // of the last picture: when it was, and when that was by the machine's clock
  const time = () => shown + Math.min(clock() - real, slowest);

  const load = async () => {
    for (const number of film) {
      const answer = await fetch(`/film/${number}`);
      pictures[number] = await createImageBitmap(await answer.blob());
    }
    canvas.width = pictures[film[0]].width;
    canvas.height = pictures[film[0]].height;
  };

  let [piece, place, way, from, faded] = [rests[0], rests[0][0], 1, null, blend];
  let [step, begin, moving, ticks, drawn] = ["", Infinity, false, 0, 0];
  const go = (next, isMoving) => {
    [from, faded, piece, place, way, moving] = [place, 0, next, next[0], 1, isMoving];
  };
  const tick = () => {
    const asked = document.querySelector(".moves")?.dataset.step ?? "";
    const now = (ticks * 1000) / rate;
    if (asked !== step) [step, begin] = [asked, asked && moves?.[asked] ? now + 400 : Infinity];
    if (moves === null) {
      place = film[ticks % film.length];
    } else if (!moving && now >= begin) {
      begin = Infinity;
      go(moves[step], !step.startsWith("slightly")); // a pose is held until the next is asked for
    } else if (faded < blend) {
      faded += 1;
    } else if (moving && place + 1 >= piece[1]) {
      go(rests[0], false);
    } else {
      if (!moving && (place + way < piece[0] || place + way >= piece[1])) way = -way;
      place += way;
    }
  };
  const draw = () => {
    pen.globalAlpha = 1;
    pen.drawImage(pictures[place], 0, 0);
    if (from !== null && faded < blend) {
      pen.globalAlpha = 1 - faded / blend;
      pen.drawImage(pictures[from], 0, 0);
    }
    const lamp = document.querySelector(".lamp")?.dataset.colour;
    if (face && lamp) {
      const [x, y, width, height] = face;
      pen.globalCompositeOperation = "lighter";
      pen.globalAlpha = 0.1;
      pen.fillStyle = LIGHTS[lamp];
      pen.beginPath();
      pen.ellipse(x, y, width / 2, height / 2, 0, 0, 2 * Math.PI);
      pen.fill();
      pen.globalCompositeOperation = "source-over";
    }
    pen.globalAlpha = 1;
    drawn += 1;
    pen.fillStyle = `rgb(${(drawn % 16) * 16} ${(drawn >> 4) % 16 * 16} 0)`; // a camera never gives a picture twice
    pen.fillRect(0, 0, 16, 16);
  };
  const take = () => {
    [shown, real] = [time(), clock()];
    for (; (ticks * 1000) / rate < shown; ticks += 1) tick();
    draw();
  };

  navigator.mediaDevices.getUserMedia = async () => {
    if (!pictures.length) {
      await load();
      real = clock();
      performance.now = time;
      draw();
      setInterval(draw, 200); // the element wants to be shown something
    }
    return canvas.captureStream();
  };
  const plain = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...place) {
    if (!(source instanceof HTMLVideoElement)) return plain.call(this, source, ...place);
    take();
    return plain.call(this, canvas, ...place);
  };
})();
"""


def encoded(film: Path, numbers: Container[int] | None = None) -> dict[int, bytes]:
    """Frames as JPEG, by their number; all of them without `numbers`."""
    found = {}
    for number, pixels in enumerate(frames(film)):
        if numbers is None or number in numbers:
            found[number] = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    return found


def play(
    page: Page,
    pictures: dict[int, bytes],
    rests: Sequence[tuple[int, int]],
    moves: dict[str, tuple[int, int]] | None,
    rate: float = RATE,
    blend: int = 10,
    *,
    face: tuple[float, float, float, float] | None = None,
) -> None:
    """Before the page is opened. `rests` and `moves`: first frame and the one after the last; without `moves` the film
    is played as it is, over and over. `face`: centre, width and height, px, of what the page's lamp lights; without it
    nothing is lit."""

    def answer(route: Route) -> None:
        number = int(route.request.url.rsplit("/", 1)[1])
        route.fulfill(body=pictures[number], content_type="image/jpeg")

    page.route(f"**{FOLDER}*", answer)
    arguments = [sorted(pictures), list(rests), moves, rate, blend, SLOWEST_MS, face]
    page.add_init_script(SCRIPT.replace("ARGUMENTS", json.dumps(arguments)))


def decided(page: Page, door: str, begin: Callable[[], None]) -> str | None:
    """What refuses who stands at `door`, trying as often as a person may who is asked to try again; None: nothing."""
    ended, notice = page.locator(f"{door} .notice:visible, {door} .done h3:visible"), page.locator(f"{door} .notice")
    code = None
    for _ in range(TRIES):
        begin()
        ended.first.wait_for(timeout=PATIENCE)
        code = notice.get_attribute("data-code") if notice.is_visible() else None
        if code not in UNDECIDED:
            break
    return code
