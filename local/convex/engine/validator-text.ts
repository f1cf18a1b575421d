// How values and validators print in validation errors: `1.0`, `"text"`, `v.optional(v.id("users"))`.
import type { Rule } from "./validators.ts";
import { bigintOf, doubleOf, eightBytes, type JsonObject, type JsonValue, kindOf } from "./values.ts";

const MAX_SHOWN_LENGTH = 16_384; // as the convex package truncates values in errors

/** A value as Convex prints it, cut at 16,384 characters. Never throws. */
export function showValue(value: JsonValue): string {
  const text = show(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}[...truncated]` : text;
}

function show(value: JsonValue): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return showDouble(value);
    case "boolean":
      return String(value);
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  switch (kindOf(value)) {
    case "int64":
      return showPayload(value, "$integer", (bytes) => `${bigintOf(bytes)}n`);
    case "special":
      return showPayload(value, "$float", (bytes) => showDouble(doubleOf(bytes)));
    case "bytes":
      return `bytes(${JSON.stringify(value.$bytes)})`;
    case "commitTs":
      return "[unresolved commit timestamp]";
    case "undefined":
      return "undefined";
    default:
      return showObject(value);
  }
}

function showPayload(value: JsonObject, tag: "$integer" | "$float", print: (bytes: Uint8Array) => string): string {
  try {
    return print(eightBytes(value[tag], tag));
  } catch {
    return JSON.stringify(value); // malformed: show what came
  }
}

function showDouble(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

function showObject(object: JsonObject): string {
  const fields = Object.keys(object).sort();
  return `{${fields.map((field) => `${showName(field)}: ${show(object[field] ?? null)}`).join(", ")}}`;
}

function showName(field: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(field) ? field : JSON.stringify(field);
}

/** A validator as a developer writes it. */
export function showValidator(rule: Rule): string {
  switch (rule.type) {
    case "number":
      return "v.float64()";
    case "bigint":
      return "v.int64()";
    case "null":
    case "commitTs":
    case "boolean":
    case "string":
    case "bytes":
    case "any":
      return `v.${rule.type}()`;
    case "literal":
      return `v.literal(${showValue(rule.value)})`;
    case "id":
      return `v.id(${JSON.stringify(rule.tableName)})`;
    case "array":
      return `v.array(${showValidator(rule.element)})`;
    case "record":
      return `v.record(${showValidator(rule.key)}, ${showValidator(rule.value)})`;
    case "union":
      return `v.union(${rule.members.map(showValidator).join(", ")})`;
    case "object":
      return `v.object({${[...rule.fields]
        .map(([name, field]) => {
          const inner = showValidator(field.rule);
          return `${showName(name)}: ${field.isOptional ? `v.optional(${inner})` : inner}`;
        })
        .join(", ")}})`;
    default:
      return rule satisfies never;
  }
}
