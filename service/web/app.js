// Wires the two doors.
import { login } from "./login.js";
import { register } from "./register.js";
import { watch } from "./frame.js";

const byId = (id) => document.getElementById(id);

const entrance = login(byId("login"), byId("erase"));
const desk = register(byId("register"), { enrolled: entrance.fill });
watch(() => desk.ready());
