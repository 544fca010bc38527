// A clip of what a canvas shows, kept in this page's memory until it is saved.
const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];
const LONGEST = 300; // seconds
const RATE = 30; // frames a second at most: those that are drawn

export class Clip {
  /** `done` is given the clip, `going` the seconds so far. */
  constructor(canvas, done, going) {
    Object.assign(this, { canvas, done, going, recorder: null });
    this.kind = KINDS.find((kind) => window.MediaRecorder?.isTypeSupported(kind));
  }

  get possible() {
    return this.kind !== undefined;
  }

  get running() {
    return this.recorder !== null;
  }

  start() {
    const parts = [];
    const stream = this.canvas.captureStream(RATE);
    const recorder = new MediaRecorder(stream, { mimeType: this.kind });
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      this.done(new Blob(parts, { type: this.kind.split(";")[0] }));
    });
    this.recorder = recorder;
    recorder.start(1000);
    let seconds = 0;
    this.going(0);
    this.timer = setInterval(() => (++seconds < LONGEST ? this.going(seconds) : this.stop()), 1000);
  }

  stop() {
    clearInterval(this.timer);
    this.recorder?.stop();
    this.recorder = null;
  }
}
