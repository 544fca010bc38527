// Calls to the service; everything that can go wrong becomes one kind of error, with a title and what to do.
import { known, t } from "./texts.js";

export class Problem extends Error {
  constructor({ title, advice = "", code = "", retryAfter = 0 }) {
    super(title);
    this.title = title;
    this.advice = advice;
    this.code = code;
    this.retryAfter = retryAfter; // seconds
  }
}

export const unreachable = () => (navigator.onLine
  ? new Problem({ code: "unreachable", title: t("api.unreachable"), advice: t("api.unreachable_advice") })
  : new Problem({ code: "unreachable", title: t("api.offline"), advice: t("api.offline_advice") }));

// The service's advice is for whoever programs against it; ours is what a person at this page can do.
const adviceOf = (body) => known(`api.advice.${body.code}`, body.advice ?? body.detail ?? body.error_description ?? "");

export async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // not a problem body: a proxy in between, perhaps
  }
  const wait = retryAfter ? t("api.retry", { time: spell(retryAfter) }) : "";
  return new Problem({
    code: body.code ?? String(response.status),
    title: body.title ?? t("api.refused"),
    advice: [wait, adviceOf(body)].filter(Boolean).join(" "),
    retryAfter,
  });
}

function spell(seconds) {
  return seconds > 90 ? t("api.minutes", { count: Math.ceil(seconds / 60) }) : t("api.seconds", { count: seconds });
}

export async function call(path, options = {}) {
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
export const consent = async () => (await call("/v1/consent")).json();
/** `fields`: label, attributes, uses, consent_digest, passphrase; empty ones are not sent. */
export const enrol = async (pictures, fields) =>
  (await post("/v1/users", form(pictures, { consent: "true", ...fields }))).json();
/** `fields`: user_id, passphrase. */
export const login = async (pictures, fields) => (await post("/v1/login", form(pictures, fields))).json();
/** A challenge of liveness; see challenge.js. */
export const openChallenge = async (purpose) => (await post("/v1/challenges", form([], { purpose }))).json();
export const recover = async (userId, code) =>
  (await post("/v1/recover", form([], { user_id: userId, recovery_code: code }))).json();
export const analyze = async (blob, signal) => (await post("/v1/analyze", form([{ blob }], { attributes: "none" }), signal)).json();

/** For the application that asks in the address of this page; gives where to go on. */
export const signIn = async (pictures, fields) => (await post(`/oauth/sign-in${location.search}`, form(pictures, fields))).json();
export const decline = async () => (await post(`/oauth/decline${location.search}`)).json();

/** What somebody who is in may do with their own record. */
export const mine = (token) => {
  const ask = (path, method = "GET", body = undefined) => call(`/v1/me${path}`, { method, body, headers: bearer(token) });
  const gone = async (path) => (await ask(path, "DELETE")).status !== 202; // false: the key is, space is being cleared
  return {
    show: async () => (await ask("")).json(),
    logOut: () => call("/v1/logout", { method: "POST", headers: bearer(token) }),
    download: async () => (await ask("/export")).blob(),
    erase: () => gone(""),
    agree: (uses, digest) => ask("/consent", "PUT", form([], { uses: uses.join(","), consent_digest: digest })),
    withdraw: (use) => gone(`/consent/${use}`),
    choosePassphrase: (passphrase) => ask("/passphrase", "POST", form([], { passphrase })),
    dropPassphrase: () => ask("/passphrase", "DELETE"),
    newCode: async () => (await (await ask("/recovery-code", "POST")).json()).recovery_code,
  };
};

const number = (response, name) => (response.headers.has(name) ? Number(response.headers.get(name)) : null);

/** The picture with its faces drawn over; what was drawn, and what a second search found: null where nobody searched.
 * `fields`: names and values. `sticker`: a second picture, for the style that takes one. */
export async function overlay(blob, fields, sticker, signal) {
  const data = form([{ blob }]);
  for (const [name, value] of fields) data.append(name, value);
  if (sticker) data.append("image", sticker, "sticker");
  const response = await post("/v1/overlays", data, signal);
  return {
    picture: await response.blob(),
    hides: response.headers.get("X-Hides") === "true",
    faces: number(response, "X-Faces-Drawn"),
    smallest: number(response, "X-Smallest-Face-Px"),
    detectable: number(response, "X-Faces-Still-Detectable"),
    matching: number(response, "X-Faces-Still-Matching"),
  };
}
export const styles = async () => (await call("/v1/overlays/styles", { cache: "default" })).json();
export const faces = async (blob, signal) => (await post("/v1/overlays/faces", form([{ blob }]), signal)).json();

/** A film that is being worked on. */
export const filmJob = ({ id, secret }) => {
  const ask = (end, options) => call(`/v1/overlays/films/${id}${end}`, { headers: { "X-Job-Secret": secret }, ...options });
  return {
    progress: async () => (await ask("")).json(),
    cancel: () => ask("", { method: "DELETE", keepalive: true }),
    async take() {
      const response = await ask("/film");
      return {
        film: await response.blob(),
        hides: response.headers.get("X-Hides") === "true",
        faces: number(response, "X-Faces-Drawn"),
        frames: number(response, "X-Frames"),
        black: number(response, "X-Frames-Blacked-Out"),
        matching: number(response, "X-Faces-Still-Matching"),
      };
    },
  };
};
