// The camera: one at a time, and a plain reason when there is none.
import { Problem } from "./api.js";
import { t } from "./texts.js";

const REASONS = {
  NotAllowedError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

const asked = {
  audio: false,
  video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } },
};

const without = (code, reason) => new Problem({ code, title: t(`camera.${reason}`), advice: t(`camera.${reason}_advice`) });

/** Starts the camera in `video`; gives a function that stops it. `ended` is called when it is unplugged. */
export async function openCamera(video, ended) {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw without("insecure_origin", "insecure");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(asked);
  } catch (error) {
    throw without(error.name, REASONS[error.name] ?? "failed");
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
    throw without("no_stream", "empty");
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
      (blob) => (blob ? resolve(blob) : reject(without("no_stream", "empty"))),
      "image/jpeg",
      quality,
    );
  });
}
