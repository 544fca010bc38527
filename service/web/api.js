// Calls to the service; everything that can go wrong becomes one kind of error, with a title and what to do.

export class Problem extends Error {
  constructor({ title, advice = "", code = "", retryAfter = 0 }) {
    super(title);
    this.title = title;
    this.advice = advice;
    this.code = code;
    this.retryAfter = retryAfter; // seconds
  }
}

export const unreachable = () => new Problem({
  code: "unreachable",
  title: "The service does not answer",
  advice: "Check that it is running and that you are connected, then try again.",
});

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // not a problem body: a proxy in between, perhaps
  }
  const wait = retryAfter ? `Try again in ${retryAfter} ${retryAfter === 1 ? "second" : "seconds"}.` : "";
  return new Problem({
    code: body.code ?? String(response.status),
    title: body.title ?? "The service could not do that",
    advice: [body.advice ?? body.detail ?? "", wait].filter(Boolean).join(" "),
    retryAfter,
  });
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

function form(pictures, fields = {}) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== "") data.append(name, value);
  const timed = pictures.some(({ capturedAt }) => capturedAt);
  for (const { blob, capturedAt } of pictures) {
    data.append("image", blob, "picture");
    if (timed) data.append("captured_at", String(capturedAt || "")); // one for each picture, empty where unknown
  }
  return data;
}

const post = (path, body, signal) => call(path, { method: "POST", body, signal });
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

export const ready = () => call("/readyz");
export const enrol = async (pictures, label, attributes) =>
  (await post("/v1/users", form(pictures, { consent: "true", label, attributes }))).json();
export const login = async (pictures, userId) => (await post("/v1/login", form(pictures, { user_id: userId }))).json();
export const me = async (token) => (await call("/v1/me", { headers: bearer(token) })).json();
export const analyze = async (blob, signal) => (await post("/v1/analyze", form([{ blob }], { attributes: "none" }), signal)).json();

/** Whether everything is gone already; false: the key is, freed space is still being cleared. */
export async function erase(token) {
  return (await call("/v1/me", { method: "DELETE", headers: bearer(token) })).status !== 202;
}

/** The picture with its faces hidden, how many there were, and the smallest size that was searched for. */
export async function hide(blob, style, signal) {
  const response = await post("/v1/overlays", form([{ blob }], { style }), signal);
  return {
    picture: await response.blob(),
    faces: Number(response.headers.get("X-Faces-Hidden")),
    smallest: Number(response.headers.get("X-Smallest-Face-Px")),
  };
}
