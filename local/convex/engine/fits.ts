// Whether a value matches a validator, as functions made once from its rules: every argument, result and document goes through here.
// Answers yes or no and nothing more; what is wrong, in words, is validators.ts.
import { compareKeys, encodeKey } from "./keys.ts";
import type { Rule, TableOfId } from "./validators.ts";
import { isObject, type JsonObject, type JsonValue, kindOf } from "./values.ts";

/** True when the value matches. Never throws, however hostile the value. */
export type Fits = (value: JsonValue, tableOf: TableOfId) => boolean;

/** @param systemFieldsAllowed for stored documents: `_id` and `_creationTime` at the top are not the validator's business */
export function compileFits(rule: Rule, systemFieldsAllowed = false): Fits {
  switch (rule.type) {
    case "any":
      return () => true;
    case "null":
      return (value) => value === null;
    case "boolean":
      return (value) => typeof value === "boolean";
    case "string":
      return (value) => typeof value === "string";
    case "number":
      return (value) => typeof value === "number" || kindOf(value) === "special";
    case "bigint":
    case "commitTs":
      return (value) => {
        const kind = kindOf(value);
        return kind === "int64" || kind === "commitTs";
      };
    case "bytes":
      return (value) => kindOf(value) === "bytes";
    case "literal": {
      const { value: literal } = rule;
      return (value) => isSame(literal, value);
    }
    case "id": {
      const { tableName } = rule;
      return (value, tableOf) => typeof value === "string" && tableOf(value) === tableName;
    }
    case "array": {
      const element = compileFits(rule.element);
      return (value, tableOf) => {
        if (!Array.isArray(value)) return false;
        for (let i = 0; i < value.length; i++) if (!element(value[i] ?? null, tableOf)) return false;
        return true;
      };
    }
    case "record":
      return recordFits(compileFits(rule.key), compileFits(rule.value));
    case "object":
      return objectFits(rule, systemFieldsAllowed);
    case "union":
      return unionFits(rule, systemFieldsAllowed);
    default:
      return rule satisfies never;
  }
}

/**
 * The same for a document that matched before some of its fields were set or removed: those alone are looked at, however many it has.
 * @param changed has them by name; what they are now, `document` says
 */
export type PatchFits = (document: JsonObject, changed: JsonObject, tableOf: TableOfId) => boolean;

/** Null when the rule takes the whole document to tell. */
export function compilePatchFits(rule: Rule): PatchFits | null {
  if (rule.type !== "object") return null;
  const checks = new Map([...rule.fields].map(([name, { rule, isOptional }]) => [name, { fits: compileFits(rule), isOptional }]));
  return (document, changed, tableOf) => {
    for (const name in changed) {
      const check = checks.get(name);
      const value = Object.hasOwn(document, name) ? document[name] : undefined;
      if (value === undefined ? check?.isOptional === false : !(check?.fits(value, tableOf) ?? SYSTEM_FIELDS.includes(name)))
        return false;
    }
    return true;
  };
}

const SYSTEM_FIELDS: readonly string[] = ["_id", "_creationTime"];

interface FieldCheck {
  readonly name: string;
  readonly fits: Fits;
  readonly isOptional: boolean;
  /** Every object has something under this name, so only its own counts. */
  readonly isInherited: boolean;
}

function objectFits(rule: Rule & { type: "object" }, systemFieldsAllowed: boolean): Fits {
  const checks = [...rule.fields].map(([name, field]): FieldCheck => {
    return { name, fits: compileFits(field.rule), isOptional: field.isOptional, isInherited: name in Object.prototype };
  });
  // Members of a union mostly differ in a literal: looked at first, it spares the other fields.
  const isLiteral = ({ name }: FieldCheck) => rule.fields.get(name)?.rule.type === "literal";
  checks.sort((a, b) => Number(isLiteral(b)) - Number(isLiteral(a)));
  const system = systemFieldsAllowed ? SYSTEM_FIELDS.filter((name) => !rule.fields.has(name)) : [];
  const isKnown = (name: string) => rule.fields.has(name) || system.includes(name);
  return (value, tableOf) => {
    if (!isObject(value)) return false;
    let found = 0;
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i] as FieldCheck; // i is below the length
      const element = check.isInherited && !Object.hasOwn(value, check.name) ? undefined : value[check.name];
      if (element === undefined) {
        if (!check.isOptional) return false;
      } else {
        if (!check.fits(element, tableOf)) return false;
        found++;
      }
    }
    for (const name of system) if (value[name] !== undefined) found++;
    for (const _ in value) found--;
    if (found !== 0) for (const name in value) if (!isKnown(name)) return false;
    return kindOf(value) === "object";
  };
}

function recordFits(key: Fits, element: Fits): Fits {
  return (value, tableOf) => {
    if (!isObject(value) || kindOf(value) !== "object") return false;
    for (const name in value) if (!key(name, tableOf) || !element(value[name] ?? null, tableOf)) return false;
    return true;
  };
}

function unionFits({ members }: Rule & { type: "union" }, systemFieldsAllowed: boolean): Fits {
  const texts = new Set<JsonValue>();
  const others: Fits[] = [];
  for (const member of members) {
    if (member.type === "literal" && typeof member.value === "string") texts.add(member.value);
    else others.push(compileFits(member, systemFieldsAllowed));
  }
  return (value, tableOf) => {
    if (typeof value === "string" && texts.has(value)) return true;
    for (let i = 0; i < others.length; i++) if (others[i]?.(value, tableOf)) return true;
    return false;
  };
}

/** Is a value this literal? */
export function isSame(literal: JsonValue, value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return Object.is(literal, value);
  const kind = kindOf(value);
  if (kind !== "int64" && kind !== "special") return false;
  try {
    return compareKeys(encodeKey([literal]), encodeKey([value])) === 0;
  } catch {
    return false; // a malformed payload matches no literal
  }
}
