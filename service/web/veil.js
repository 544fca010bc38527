// The camera, live: frames go to the service and come back covered. No other frame is ever drawn on the page.
import { Problem } from "./api.js";
import { grab, openCamera } from "./camera.js";

const LONGEST = 640; // pixels of a frame that is sent
const QUALITY = 0.8;
const FASTEST = 33; // ms between two frames
const PATIENCE = 8_000; // ms without an answer: the connection is taken for lost
const AGAIN = [1, 2, 4, 8]; // s before each new try
const WINDOW = 2_000; // ms over which the frame rate is taken

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Veil {
  /** `told` hears `shown`, `style`, `refused`, `lost` (in how many seconds it is tried again), `ended` (a Problem). */
  constructor(canvas, told) {
    Object.assign(this, { canvas, told, socket: null, stopCamera: null, times: [], tries: 0, seen: false });
    this.video = document.createElement("video"); // never put on the page: what it plays is not covered
    Object.assign(this.video, { muted: true, playsInline: true });
  }

  get running() {
    return this.stopCamera !== null;
  }

  /** Frames a second, of those shown lately. */
  get rate() {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < WINDOW);
    return (1000 * this.times.length) / WINDOW;
  }

  /** Raises a Problem where there is no camera. */
  async start(fields) {
    this.fields = fields;
    this.stopCamera = await openCamera(this.video, () => this.end(new Problem({ code: "camera_lost", title: "" })));
    this.tries = 0;
    this.connect();
  }

  wear(fields) {
    this.fields = fields;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(gathered(fields)));
  }

  stop() {
    this.stopCamera?.();
    this.stopCamera = null;
    clearTimeout(this.retry);
    this.drop();
    this.seen = false;
    this.times = [];
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  end(problem) {
    this.stop();
    this.told("ended", problem);
  }

  drop() {
    clearTimeout(this.watch);
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/live?${new URLSearchParams(this.fields)}`);
    socket.binaryType = "blob";
    this.socket = socket;
    this.answered = 0;
    const mine = (act) => (event) => socket === this.socket && act(event);
    socket.addEventListener("open", mine(() => this.send()));
    socket.addEventListener("message", mine(({ data }) => (typeof data === "string" ? this.heard(JSON.parse(data)) : this.draw(data))));
    socket.addEventListener("close", mine((event) => this.closed(event)));
  }

  async send() {
    const { socket } = this;
    const frame = await grab(this.video, LONGEST, QUALITY);
    if (socket !== this.socket || socket.readyState !== WebSocket.OPEN) return;
    this.sent = performance.now();
    socket.send(frame);
    clearTimeout(this.watch);
    this.watch = setTimeout(() => socket === this.socket && this.closed({ code: 1006 }), PATIENCE);
  }

  async draw(blob) {
    const { socket, canvas } = this;
    const frame = await createImageBitmap(blob);
    if (socket !== this.socket) return frame.close();
    if (canvas.width !== frame.width || canvas.height !== frame.height) Object.assign(canvas, { width: frame.width, height: frame.height });
    canvas.getContext("2d").drawImage(frame, 0, 0);
    frame.close();
    this.times.push(performance.now());
    this.tries = 0;
    this.told("shown", !this.seen);
    this.seen = true;
    await pause(Math.max(0, FASTEST - (performance.now() - this.sent)));
    if (socket === this.socket) await this.send();
    return undefined;
  }

  heard(message) {
    this.told(message.code ? "refused" : "style", message);
  }

  closed({ code, reason }) {
    this.drop();
    if (reason === "live_full" || (code === 1008 && reason !== "live_idle")) return this.end(new Problem({ code: reason, title: reason }));
    const wait = AGAIN[this.tries++];
    if (wait === undefined) return this.end(new Problem({ code: "connection_lost", title: "" }));
    this.told("lost", wait);
    this.retry = setTimeout(() => this.connect(), 1000 * wait);
    return undefined;
  }
}

/** Names with all their values, as the service takes them in a message. */
function gathered(fields) {
  const message = {};
  for (const [name, value] of fields) (message[name] ??= []).push(value);
  return message;
}
