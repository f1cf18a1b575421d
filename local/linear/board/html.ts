// HTML that cannot be broken by what is put into it: every value of an `html` template is escaped, unless it is itself
// the result of one. Tickets are hostile; there is no way around this file to write a page.

/** A piece of finished markup. Only `html` makes these. */
export class Html {
  constructor(readonly markup: string) {}
}

type Value = Html | string | number | null | undefined | false | readonly Value[];

/** A template whose values are text, pieces of markup, or lists of either; null and false leave nothing behind. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, index) => part + (index < values.length ? rendered(values[index]) : "")).join(""));
}

function rendered(value: Value): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map(rendered).join("");
  return escaped(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

const escaped = (text: string): string =>
  text.replaceAll("\0", "\ufffd").replace(/[&<>"'`]/g, (character) => ENTITIES[character]!);
