// The page's words, by name: they stand in one file for each language, which the service sends as "words.js".
import { language, words } from "./words.js";

const plural = new Intl.PluralRules(language);

const find = (name) => name.split(".").reduce((branch, key) => branch?.[key], words);

/** The text of that name where there is one, else `otherwise`: for what the service names. */
export const known = (name, otherwise) => find(name) ?? otherwise;

/** The text of that name, `{name}` in it replaced by `values`. A text with forms is chosen by `values.count`. */
export function t(name, values = {}) {
  const found = find(name);
  if (found === undefined) throw new Error(`there is no text called ${name}`);
  const text = typeof found === "string" ? found : (found[plural.select(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}
