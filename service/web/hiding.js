// The page that hides faces.
import { hide } from "./hide.js";
import { watch } from "./frame.js";

hide(document.getElementById("hide"));
watch();
