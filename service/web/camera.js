// The camera: one at a time, and a plain reason when there is none.
import { Problem } from "./api.js";

const REASONS = {
  NotAllowedError: ["The camera is not allowed here", "Allow it in the browser's address bar, or choose a photo instead."],
  NotFoundError: ["No camera was found", "Connect one, or choose a photo instead."],
  OverconstrainedError: ["No camera was found", "Connect one, or choose a photo instead."],
  NotReadableError: ["The camera is in use", "Close the other program that uses it, then try again, or choose a photo instead."],
  AbortError: ["The camera is in use", "Close the other program that uses it, then try again, or choose a photo instead."],
};

const asked = {
  audio: false,
  video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } },
};

/** Starts the camera in `video`; gives a function that stops it. `ended` is called when it is unplugged. */
export async function openCamera(video, ended) {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw new Problem({
      code: "insecure_origin",
      title: "The camera needs a secure address",
      advice: "Open this page over https or as localhost, or choose a photo instead.",
    });
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(asked);
  } catch (error) {
    const [title, advice] = REASONS[error.name] ?? ["The camera did not start", "Try again, or choose a photo instead."];
    throw new Problem({ code: error.name, title, advice });
  }
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    if (video.srcObject === stream) video.srcObject = null;
  };
  stream.getVideoTracks()[0].addEventListener("ended", ended);
  video.srcObject = stream;
  try {
    await video.play();
  } catch {
    stop();
    throw new Problem({ code: "no_stream", title: "The camera sent no picture", advice: "Try again, or choose a photo instead." });
  }
  return stop;
}

/** The current frame as a JPEG, not mirrored; the long side at most `longest` pixels. */
export function grab(video, longest = Infinity, quality = 0.92) {
  const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Problem({ title: "The camera sent no picture", advice: "Try again." }))),
      "image/jpeg",
      quality,
    );
  });
}
