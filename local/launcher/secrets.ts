// The secrets of one machine: made on the first start, kept at 0600 under the state folder, never printed.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LaunchError } from "./options.ts";

export interface Secrets {
  readonly convexAdminKey: string;
  readonly orchestratorSecret: string;
  readonly linearApiKey: string;
  readonly linearPersonKey: string;
  readonly linearWebhookSecret: string;
  readonly githubWebhookSecret: string;
  readonly githubAppPrivateKey: string;
  readonly githubAppPublicKey: string;
  readonly githubPersonToken: string;
  readonly ecsEventsKey: string;
  readonly modelApiKey: string;
  readonly auth0ClientSecret: string;
  readonly auth0M2mClientSecret: string;
  readonly auth0CookieSecret: string;
}

const token = (prefix: string) => `${prefix}${randomBytes(24).toString("base64url")}`;

function makeSecrets(): Secrets {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return {
    convexAdminKey: token("omakase|"),
    orchestratorSecret: randomBytes(32).toString("hex"),
    linearApiKey: token("lin_api_"),
    linearPersonKey: token("lin_api_"),
    linearWebhookSecret: token("lin_wh_"),
    githubWebhookSecret: token(""),
    githubAppPrivateKey: pair.privateKey,
    githubAppPublicKey: pair.publicKey,
    githubPersonToken: token("ghp_"),
    ecsEventsKey: token(""),
    modelApiKey: token("sk-ant-"),
    auth0ClientSecret: token(""),
    auth0M2mClientSecret: token(""),
    auth0CookieSecret: randomBytes(32).toString("hex"),
  };
}

/** Reads the machine's secrets, making them when there are none. @throws {LaunchError} when the file is damaged. */
export function loadSecrets(stateDir: string): Secrets {
  const file = join(stateDir, "secrets.json");
  if (existsSync(file)) {
    const stored = parse(file);
    const absent = Object.keys(makeSecrets()).filter((name) => typeof stored[name] !== "string");
    if (absent.length > 0) throw damaged(file);
    return stored as unknown as Secrets;
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const secrets = makeSecrets();
  writeSecretFile(file, JSON.stringify(secrets, null, 2));
  return secrets;
}

/** Writes a file only its owner may read, whole or not at all. */
export function writeSecretFile(file: string, text: string): void {
  const draft = `${file}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

function parse(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // said below, in the same words as for a file that parses to nonsense
  }
  throw damaged(file);
}

const damaged = (file: string) =>
  new LaunchError(
    `${file} is damaged, and everything stored was made with it: restore it from a backup, or begin anew with npm start -- --fresh`,
  );
