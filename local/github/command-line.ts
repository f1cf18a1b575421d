// Reads the command line: files are opened, values checked, and every problem named at once.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { StartError } from "./errors.ts";
import type { SeedRepository } from "./seed.ts";
import type { GitHubOptions } from "./server.ts";

export const USAGE = `bun local/github/main.ts --dir <folder> --app-id <number> --app-public-key <pem file>
  [--port 4020] [--app-slug omakase] [--organisation omakase]... [--seed <json file>]
  [--webhook-url <url> --webhook-secret-file <file>] [--user-token-file <json file>] [--rate-limit 5000]`;

const OPTIONS = {
  dir: { type: "string" },
  port: { type: "string", default: "4020" },
  "app-id": { type: "string" },
  "app-public-key": { type: "string" },
  "app-slug": { type: "string", default: "omakase" },
  organisation: { type: "string", multiple: true },
  seed: { type: "string" },
  "webhook-url": { type: "string" },
  "webhook-secret-file": { type: "string" },
  "user-token-file": { type: "string" },
  "rate-limit": { type: "string", default: "5000" },
} as const;

/** @throws {StartError} naming every bad option */
export function readCommandLine(args: readonly string[]): GitHubOptions {
  const values = parsed(args);
  const problems: string[] = [];
  const read = <Value>(name: keyof typeof OPTIONS, get: (text: string) => Value, fallback: Value): Value => {
    const text = values[name];
    if (typeof text !== "string" || text === "") {
      problems.push(`--${name} is missing`);
      return fallback;
    }
    try {
      return get(text);
    } catch (error) {
      problems.push(`--${name} ${text}: ${error instanceof Error ? error.message : String(error)}`);
      return fallback;
    }
  };
  const optional = <Value>(name: keyof typeof OPTIONS, get: (text: string) => Value) =>
    values[name] === undefined ? undefined : read(name, get, undefined);
  const repositories = optional("seed", (file) => seedFile(file));
  const userTokens = optional("user-token-file", tokenFile);
  const webhookUrl = optional("webhook-url", (text) => new URL(text).href);
  const secret = optional("webhook-secret-file", secretFile);
  if ((webhookUrl === undefined) !== (secret === undefined)) problems.push("--webhook-url and --webhook-secret-file go together");
  const options: GitHubOptions = {
    dir: read("dir", (text) => resolve(text), ""),
    port: read("port", (text) => integer(text, 0, 65_535), 0),
    appId: read("app-id", (text) => integer(text, 1, Number.MAX_SAFE_INTEGER), 1),
    appPublicKey: read("app-public-key", (file) => readFileSync(file, "utf8"), ""),
    appSlug: read("app-slug", slug, ""),
    rateLimitPerHour: read("rate-limit", (text) => integer(text, 1, 1_000_000_000), 1),
    ...(values.organisation === undefined ? {} : { organisations: values.organisation }),
    ...(repositories === undefined ? {} : { repositories }),
    ...(userTokens === undefined ? {} : { userTokens }),
    ...(webhookUrl === undefined || secret === undefined ? {} : { webhook: { url: webhookUrl, secret } }),
  };
  if (problems.length > 0) throw new StartError("BAD_OPTION", `${problems.join("; ")}.\n${USAGE}`);
  return options;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new StartError("BAD_OPTION", `${cause instanceof Error ? cause.message : String(cause)}\n${USAGE}`, { cause });
  }
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min || value > max) throw new Error(`must be a whole number from ${min} to ${max}`);
  return value;
}

function slug(text: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,38}$/.test(text)) throw new Error("must be small letters, digits and hyphens");
  return text;
}

function secretFile(file: string): string {
  const secret = readFileSync(file, "utf8").trim();
  if (secret === "") throw new Error("the file is empty");
  return secret;
}

function tokenFile(file: string): Record<string, string> {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  const entries = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
  if (entries === null || !entries.every(([token, login]) => token.length >= 8 && typeof login === "string")) {
    throw new Error('must be an object of token (8 characters or more) to login, such as {"ghp_local_dana": "dana"}');
  }
  return Object.fromEntries(entries);
}

/** Folders in the file are relative to it. */
function seedFile(file: string): SeedRepository[] {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(value)) throw new Error('must be a list such as [{"repository": "omakase/sample", "from": "./sample"}]');
  return value.map((entry: unknown) => {
    const field = (name: string) =>
      typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>)[name] : undefined;
    const [repository, description, from] = [field("repository"), field("description"), field("from")];
    if (typeof repository !== "string") throw new Error('every entry needs "repository": "owner/name"');
    return {
      repository,
      ...(typeof description === "string" ? { description } : {}),
      ...(typeof from === "string" ? { from: resolve(dirname(file), from) } : {}),
    };
  });
}
