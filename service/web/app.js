// Wires the three doors, and says whether the service is there.
import { ready } from "./api.js";
import { hide } from "./hide.js";
import { login } from "./login.js";
import { register } from "./register.js";

const byId = (id) => document.getElementById(id);

const entrance = login(byId("login"), byId("erase"));
const desk = register(byId("register"), { enrolled: entrance.fill });
hide(byId("hide"));

const state = byId("service-state");

async function watch() {
  let next = 30_000;
  try {
    await ready();
    await desk.ready();
    state.dataset.state = "up";
    state.textContent = "service ready";
  } catch {
    state.dataset.state = "down";
    state.textContent = "service not answering";
    next = 5_000;
  }
  setTimeout(watch, next);
}
watch();
