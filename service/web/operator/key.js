// The operator's API key: in memory, and in the session storage of this tab so that a reload does not ask again.

const NAME = "facewarden-key";
let held = stored();

function stored() {
  try {
    return sessionStorage.getItem(NAME) ?? "";
  } catch {
    return ""; // the browser keeps nothing for this page: memory alone then
  }
}

export const key = () => held;

export function keep(value) {
  held = value;
  try {
    sessionStorage.setItem(NAME, value);
  } catch {
    // a reload will ask again
  }
}

export function forget() {
  held = "";
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // there was nothing
  }
}
