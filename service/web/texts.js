// The page's words, by name: they stand in one file for each language, which the service sends as "words.js".
import { language, words } from "./words.js";

const plural = new Intl.PluralRules(language);

/** The text of that name, `{name}` in it replaced by `values`. A text with forms is chosen by `values.count`. */
export function t(name, values = {}) {
  const found = name.split(".").reduce((branch, key) => branch?.[key], words);
  if (found === undefined) throw new Error(`there is no text called ${name}`);
  const text = typeof found === "string" ? found : (found[plural.select(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}
