// Before and after lie on one another; a cut between them is moved by drag or by keyboard.
const KEYS = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };

export class Compare {
  constructor(sheet) {
    this.sheet = sheet;
    this.cut = sheet.querySelector(".cut");
    this.cut.addEventListener("keydown", (event) => this.key(event));
    this.cut.addEventListener("pointerdown", (event) => this.drag(event));
    this.set(0);
  }

  /** `share` of the picture that shows how it was, percent. */
  set(share) {
    this.share = Math.min(Math.max(share, 0), 100);
    this.sheet.style.setProperty("--cut", `${this.share}%`);
    this.cut.ariaValueNow = String(Math.round(this.share));
  }

  key(event) {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.set(this.share + step);
  }

  drag(event) {
    event.stopPropagation();
    event.preventDefault(); // or the browser drags the picture along
    const { cut, sheet } = this;
    cut.focus();
    cut.setPointerCapture(event.pointerId);
    const going = ({ clientX }) => {
      const { left, width } = sheet.getBoundingClientRect();
      this.set((100 * (clientX - left)) / width);
    };
    cut.addEventListener("pointermove", going);
    const stop = () => cut.removeEventListener("pointermove", going);
    for (const kind of ["pointerup", "pointercancel"]) cut.addEventListener(kind, stop, { once: true });
  }
}
