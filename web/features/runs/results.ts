// A role's structured result, read from the JSON its runner handed in (docs/design/agents.md). Total: what does not fit is shown as it is.

import type { Role } from "@omakase/machines/roles";

export type RoleResult =
  | {
      readonly role: "architect";
      readonly summary: string;
      readonly plan: string;
      readonly steps: readonly string[];
      readonly acceptance: readonly string[];
      readonly files: readonly string[];
    }
  | {
      readonly role: "coder";
      readonly summary: string;
      readonly changes: readonly { readonly path: string; readonly why: string }[];
      readonly testsRun: string;
    }
  | { readonly role: "reviewer"; readonly verdict: string; readonly summary: string; readonly remarks: readonly Remark[] }
  | {
      readonly role: "tester";
      readonly verdict: string;
      readonly summary: string;
      readonly command: string;
      readonly evidence: readonly Evidence[];
    }
  | { readonly role: "unknown"; readonly json: string };

export interface Remark {
  readonly path: string;
  readonly line: number | null;
  readonly severity: string;
  readonly message: string;
}

export interface Evidence {
  readonly check: string;
  readonly passed: boolean;
  readonly output: string;
}

export function parseResult(role: Role, json: string): RoleResult {
  const fields = record(parsed(json));
  if (fields === null || typeof fields.summary !== "string") return { role: "unknown", json };
  const summary = fields.summary;
  switch (role) {
    case "architect":
      return {
        role,
        summary,
        plan: text(fields.plan),
        steps: texts(fields.steps),
        acceptance: texts(fields.acceptance),
        files: texts(fields.files),
      };
    case "coder":
      return {
        role,
        summary,
        changes: records(fields.changes).map(({ path, why }) => ({ path: text(path), why: text(why) })),
        testsRun: text(fields.testsRun),
      };
    case "reviewer":
      return {
        role,
        summary,
        verdict: text(fields.verdict),
        remarks: records(fields.remarks).map(({ path, line, severity, message }) => ({
          path: text(path),
          line: typeof line === "number" ? line : null,
          severity: text(severity),
          message: text(message),
        })),
      };
    case "tester":
      return {
        role,
        summary,
        verdict: text(fields.verdict),
        command: text(fields.command),
        evidence: records(fields.evidence).map(({ check, passed, output }) => ({
          check: text(check),
          passed: passed === true,
          output: text(output),
        })),
      };
    default:
      return role satisfies never;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
const records = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.map(record).filter((each) => each !== null) : [];
const text = (value: unknown): string => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);
