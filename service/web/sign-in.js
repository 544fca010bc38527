// The sign-in page of other applications: a face is recognised, then the browser goes on to where the service says.
import { decline, signIn } from "./api.js";
import { entry } from "./entry.js";
import { watch } from "./frame.js";
import { Stage } from "./stage.js";
import { t } from "./texts.js";

const stage = new Stage(document.getElementById("sign-in"));
const leave = stage.form.querySelector(".decline");

function goOn({ redirect }) {
  stage.clear();
  location.replace(redirect);
}

entry({ stage, send: signIn, enter: goOn });
leave.addEventListener("click", () => stage.work(t("sign_in.leaving"), async () => goOn(await decline()), leave));
watch();
