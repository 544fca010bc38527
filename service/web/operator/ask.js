// Calls with the operator's key, which goes into the header alone.
import { call } from "../api.js";
import { key } from "./key.js";

let refused = () => {};

/** What happens when the key opens nothing any more. */
export const onRefusal = (act) => { refused = act; };

/** The answer's JSON, null for none; `fields` make it a POST. Throws Problem. */
export async function ask(path, { method, fields, signal, shown = key() } = {}) {
  const options = { method: method ?? (fields ? "POST" : "GET"), signal, headers: { Authorization: `Bearer ${shown}` } };
  if (fields) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(fields);
  }
  try {
    const answer = await call(`/v1/admin${path}`, options);
    return answer.status === 204 ? null : await answer.json();
  } catch (problem) {
    if (problem.code === "api_key_required" && shown === key()) refused();
    throw problem;
  }
}
