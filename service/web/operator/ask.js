// Calls with the operator's key, which goes into the header alone.
import { call, Problem, unreachable } from "../api.js";
import { key } from "./key.js";

let refused = () => {};

/** What happens when the key opens nothing any more. */
export const onRefusal = (act) => { refused = act; };

/** The answer's JSON, null for none; `fields` make it a POST. `tell` hears how far it is (0 to 1), where that is told.
 * Throws Problem. */
export async function ask(path, { method, fields, signal, tell, shown = key() } = {}) {
  const options = { method: method ?? (fields ? "POST" : "GET"), signal, headers: { Authorization: `Bearer ${shown}` } };
  if (fields) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(fields);
  }
  if (tell) options.headers.Accept = "application/x-ndjson";
  try {
    const answer = await call(`/v1/admin${path}`, options);
    if (tell) return await last(answer.body, tell);
    return answer.status === 204 ? null : await answer.json();
  } catch (problem) {
    if (problem.code === "api_key_required" && shown === key()) refused();
    throw problem;
  }
}

/** The result, which comes as the last of several lines. */
async function last(body, tell) {
  let text = "";
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (text + decoder.decode(value, { stream: !done })).split("\n");
      text = lines.pop();
      for (const line of lines) {
        const { progress, result, problem } = JSON.parse(line);
        if (problem) throw new Problem(problem);
        if (result) return result;
        tell(progress);
      }
      if (done) throw unreachable();
    }
  } catch (error) {
    throw error instanceof TypeError ? unreachable() : error; // the connection broke
  }
}
