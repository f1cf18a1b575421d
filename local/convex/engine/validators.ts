// Convex validators: from validator JSON (`exportArgs()`, `exportReturns()`, a schema's `documentType`) to a check with Convex's texts.
//   V1. A check never throws on a value, however hostile; it answers null or one text.
//   V2. A union fails as a whole: the text names the union, not the member that came closest.
//   V3. `fits` and `mismatch` agree. Nearly every value fits, and union members that do not are no news: texts are made afterwards.
//   V4. A document that fitted fits for as long as what changes of it does: a patch costs what it sets, however wide the document.
// Whether a value fits is fits.ts; how validators and values print in the texts is validator-text.ts.
import { SchemaRefused } from "./errors.ts";
import { compileFits, compilePatchFits, type Fits, isSame, type PatchFits } from "./fits.ts";
import { showValidator, showValue } from "./validator-text.ts";
import { isObject, type JsonObject, type JsonValue, kindOf } from "./values.ts";

export type FieldRule = { rule: Rule; isOptional: boolean };
/** A parsed validator. */
export type Rule =
  | { type: "null" | "number" | "bigint" | "commitTs" | "boolean" | "string" | "bytes" | "any" }
  | { type: "literal"; value: JsonValue }
  | { type: "id"; tableName: string }
  | { type: "array"; element: Rule }
  | { type: "record"; key: Rule; value: Rule }
  | { type: "object"; fields: ReadonlyMap<string, FieldRule> }
  | { type: "union"; members: readonly Rule[] };

/** The table an id belongs to, null when it is no id of ours. */
export type TableOfId = (id: string) => string | null;

type Mismatch = { text: string };
type Context = { tableOf: TableOfId; systemFieldsAllowed: boolean };

const MAX_DEPTH = 64;
const SYSTEM_FIELDS: ReadonlySet<string> = new Set(["_id", "_creationTime"]);

/** A validator ready to check values. Parse once, check often. */
export class Validator {
  private readonly valueFits: Fits;
  private readonly documentFits: Fits;
  private readonly patchFits: PatchFits | null;

  private constructor(readonly rule: Rule) {
    this.valueFits = compileFits(rule);
    this.documentFits = compileFits(rule, true);
    this.patchFits = compilePatchFits(rule);
  }

  /** @throws {SchemaRefused} when the JSON is no validator */
  static parse(validatorJson: JsonValue): Validator {
    return new Validator(parseRule(validatorJson, 0));
  }

  /** Null when the value matches, else Convex's text without a prefix such as "ArgumentValidationError: ". */
  check(value: JsonValue, tableOf: TableOfId): string | null {
    return this.valueFits(value, tableOf) ? null : textOf(this.rule, value, { tableOf, systemFieldsAllowed: false });
  }

  /** As check, for a stored document: `_id` and `_creationTime` at the top are not the validator's business. */
  checkDocument(document: JsonObject, tableOf: TableOfId): string | null {
    return this.documentFits(document, tableOf) ? null : this.documentText(document, tableOf);
  }

  /** As checkDocument, for one that matched until the fields in `changed` were set or removed (V4). */
  checkPatched(document: JsonObject, changed: JsonObject, tableOf: TableOfId): string | null {
    const isFit = this.patchFits?.(document, changed, tableOf) ?? this.documentFits(document, tableOf);
    return isFit ? null : this.documentText(document, tableOf);
  }

  private documentText(document: JsonObject, tableOf: TableOfId): string {
    return textOf(this.rule, document, { tableOf, systemFieldsAllowed: true });
  }

  /** The validator as the developer would write it, e.g. `v.object({name: v.string()})`. */
  toString(): string {
    return showValidator(this.rule);
  }
}

/** V3: a value that does not fit is never let through, whatever the words for it come to. */
function textOf(rule: Rule, value: JsonValue, context: Context): string {
  return (mismatch(rule, value, "", context) ?? noMatch(rule, value, "")).text;
}

function mismatch(rule: Rule, value: JsonValue, path: string, context: Context): Mismatch | null {
  switch (rule.type) {
    case "any":
      return null;
    case "null":
      return value === null ? null : noMatch(rule, value, path);
    case "boolean":
      return typeof value === "boolean" ? null : noMatch(rule, value, path);
    case "string":
      return typeof value === "string" ? null : noMatch(rule, value, path);
    case "number":
      return typeof value === "number" || kindOf(value) === "special" ? null : noMatch(rule, value, path);
    case "bigint":
    case "commitTs": {
      const kind = kindOf(value);
      return kind === "int64" || kind === "commitTs" ? null : noMatch(rule, value, path);
    }
    case "bytes":
      return kindOf(value) === "bytes" ? null : noMatch(rule, value, path);
    case "literal":
      return isSame(rule.value, value) ? null : noMatch(rule, value, path);
    case "id":
      return idMismatch(rule, value, path, context);
    case "array":
      return arrayMismatch(rule, value, path, context);
    case "record":
      return recordMismatch(rule, value, path, context);
    case "object":
      return objectMismatch(rule, value, path, context);
    case "union":
      return compileFits(rule, context.systemFieldsAllowed)(value, context.tableOf) ? null : noMatch(rule, value, path);
    default:
      return rule satisfies never;
  }
}

/** A "Path" line where the value is not the whole, an empty line where it is: as Convex prints both. */
function pathLine(path: string): string {
  return path === "" ? "" : `Path: ${path}`;
}

function noMatch(rule: Rule, value: JsonValue, path: string): Mismatch {
  return {
    text: `Value does not match validator.\n${pathLine(path)}\nValue: ${showValue(value)}\nValidator: ${showValidator(rule)}`,
  };
}

function idMismatch(rule: Rule & { type: "id" }, value: JsonValue, path: string, context: Context): Mismatch | null {
  const table = typeof value === "string" ? context.tableOf(value) : null;
  if (table === rule.tableName) return null;
  if (table === null) return noMatch(rule, value, path);
  return {
    text: `Found ID ${showValue(value)} from table \`${table}\`, which does not match the table name in validator \`${showValidator(rule)}\`.${pathLine(path)}`,
  };
}

function arrayMismatch(rule: Rule & { type: "array" }, value: JsonValue, path: string, context: Context): Mismatch | null {
  if (!Array.isArray(value)) return noMatch(rule, value, path);
  const inner = nested(context);
  for (const [index, element] of value.entries()) {
    const found = mismatch(rule.element, element, `${path}[${index}]`, inner);
    if (found) return found;
  }
  return null;
}

function recordMismatch(rule: Rule & { type: "record" }, value: JsonValue, path: string, context: Context): Mismatch | null {
  if (!isObject(value) || kindOf(value) !== "object") return noMatch(rule, value, path);
  const inner = nested(context);
  for (const [field, element] of Object.entries(value)) {
    if (mismatch(rule.key, field, path, inner)) return noMatch(rule.key, field, `${path}.${field}`);
    const found = mismatch(rule.value, element, `${path}.${field}`, inner);
    if (found) return found;
  }
  return null;
}

function objectMismatch(rule: Rule & { type: "object" }, value: JsonValue, path: string, context: Context): Mismatch | null {
  if (!isObject(value) || kindOf(value) !== "object") return noMatch(rule, value, path);
  const inner = nested(context);
  for (const [field, { rule: fieldRule, isOptional }] of rule.fields) {
    const element = Object.hasOwn(value, field) ? value[field] : undefined;
    if (element === undefined) {
      if (isOptional) continue;
      return objectProblem(
        rule,
        value,
        path,
        context,
        `Object is missing the required field \`${field}\`. Consider wrapping the field validator in \`v.optional(...)\` if this is expected.`,
      );
    }
    const found = mismatch(fieldRule, element, `${path}.${field}`, inner);
    if (found) return found;
  }
  for (const field in value) {
    if (rule.fields.has(field) || (context.systemFieldsAllowed && SYSTEM_FIELDS.has(field))) continue;
    return objectProblem(rule, value, path, context, `Object contains extra field \`${field}\` that is not in the validator.`);
  }
  return null;
}

function objectProblem(rule: Rule, value: JsonObject, path: string, context: Context, problem: string): Mismatch {
  const shown = context.systemFieldsAllowed
    ? Object.fromEntries(Object.entries(value).filter(([field]) => !SYSTEM_FIELDS.has(field)))
    : value;
  return { text: `${problem}\n${pathLine(path)}\nObject: ${showValue(shown)}\nValidator: ${showValidator(rule)}` };
}

function nested(context: Context): Context {
  return context.systemFieldsAllowed ? { tableOf: context.tableOf, systemFieldsAllowed: false } : context;
}

function parseRule(json: JsonValue, depth: number): Rule {
  if (depth > MAX_DEPTH) throw new SchemaRefused(`A validator is nested more than ${MAX_DEPTH} levels deep.`);
  if (!isObject(json)) throw notAValidator(json);
  switch (json.type) {
    case "null":
    case "number":
    case "bigint":
    case "commitTs":
    case "boolean":
    case "string":
    case "bytes":
    case "any":
      return { type: json.type };
    case "literal":
      if (json.value === undefined) throw notAValidator(json);
      return { type: "literal", value: json.value };
    case "id":
      if (typeof json.tableName !== "string") throw notAValidator(json);
      return { type: "id", tableName: json.tableName };
    case "array":
      return { type: "array", element: parseRule(json.value ?? null, depth + 1) };
    case "record":
      return { type: "record", key: parseRule(json.keys ?? null, depth + 1), value: parseField(json.values, depth).rule };
    case "object":
      return { type: "object", fields: parseFields(json.value, depth) };
    case "union":
      if (!Array.isArray(json.value)) throw notAValidator(json);
      return { type: "union", members: json.value.map((member) => parseRule(member, depth + 1)) };
    default:
      throw notAValidator(json);
  }
}

function parseFields(json: JsonValue | undefined, depth: number): ReadonlyMap<string, FieldRule> {
  if (!isObject(json)) throw notAValidator(json ?? null);
  const names = Object.keys(json).sort();
  return new Map(names.map((name) => [name, parseField(json[name], depth)]));
}

function parseField(json: JsonValue | undefined, depth: number): FieldRule {
  if (!isObject(json)) throw notAValidator(json ?? null);
  return { rule: parseRule(json.fieldType ?? null, depth + 1), isOptional: json.optional === true };
}

function notAValidator(json: JsonValue): SchemaRefused {
  return new SchemaRefused(`Not a validator this deployment knows: ${JSON.stringify(json).slice(0, 200)}`);
}
