// `bun main.ts backup|restore|rotate-signing-key`: asks the running server when there is one, else works on the folder itself.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Store } from "../engine/index.ts";
import { SYSTEM_TABLES } from "../system-tables.ts";
import { BackupRefused, backUp, DATABASE } from "./backup.ts";
import { checkWhole, NOBODY_REMOVES, restore } from "./restore.ts";

/** Written by a server while it runs, into its data folder: where it listens. */
export const ADDRESS_FILE = "server.json";

export const COMMANDS = ["backup", "restore", "rotate-signing-key"] as const;
export type Command = (typeof COMMANDS)[number];

export const COMMANDS_USAGE = `       bun local/convex/main.ts backup --dir data --to folder            (while the server runs, or not)
       bun local/convex/main.ts restore --from folder --dir data [--replace]
       bun local/convex/main.ts rotate-signing-key --dir data            (while the server runs)`;

export const isCommand = (text: string | undefined): text is Command => COMMANDS.some((command) => command === text);

/** @returns one line for a person. @throws {Error} whose message says what to do */
export async function runCommand(command: Command, args: string[], adminKey: string | undefined): Promise<string> {
  const { values } = parseArgs({
    args,
    options: {
      dir: { type: "string" },
      to: { type: "string" },
      from: { type: "string" },
      replace: { type: "boolean", default: false },
    },
  });
  const dir = folder("--dir", values.dir);
  switch (command) {
    case "backup": {
      const to = folder("--to", values.to);
      const running = await askServer(dir, "backup", { to }, adminKey);
      if (running === null) await backUpStopped(dir, to);
      checkWhole(join(to, DATABASE), to);
      return `Backed up to ${to}. It holds the database with its secrets: keep it as safe as the deployment.`;
    }
    case "restore": {
      const { replaced } = await restore(folder("--from", values.from), dir, values.replace);
      return replaced === null ? `Restored into ${dir}.` : `Restored into ${dir}. What was there is now in ${replaced}.`;
    }
    case "rotate-signing-key": {
      const answer = await askServer(dir, "rotate_signing_key", {}, adminKey);
      if (answer === null) throw new BackupRefused(`No server is running on ${dir}. Start it, then rotate its key.`);
      return "A new key signs from now on. The old one stays published until its last token has expired.";
    }
    default:
      return command satisfies never;
  }
}

async function backUpStopped(dir: string, to: string): Promise<void> {
  if (!existsSync(join(dir, DATABASE))) throw new BackupRefused(`${dir} holds no deployment.`);
  const store = Store.open(join(dir, DATABASE), { systemTables: SYSTEM_TABLES });
  try {
    await backUp({ store, dir, files: NOBODY_REMOVES }, to, (work) => work());
  } finally {
    store.close();
  }
}

/** The server's answer, or null when none runs on this folder. A stale address of a killed one counts as none: the file's lock decides. */
async function askServer(dir: string, route: string, body: object, adminKey: string | undefined): Promise<unknown> {
  const addressFile = join(dir, ADDRESS_FILE);
  if (!existsSync(addressFile)) return null;
  const { url } = JSON.parse(readFileSync(addressFile, "utf8")) as { url: string };
  const keyFile = join(dir, "admin.key");
  const key = adminKey ?? (existsSync(keyFile) ? readFileSync(keyFile, "utf8").trim() : "");
  let response: Response;
  try {
    response = await fetch(`${url}/api/local/${route}`, {
      method: "POST",
      headers: { authorization: `Convex ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    return null;
  }
  const answer = (await response.json()) as { message?: string };
  if (!response.ok) throw new BackupRefused(answer.message ?? `The server answered ${response.status}.`);
  return answer;
}

function folder(flag: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new BackupRefused(`${flag} is missing: name a folder.\n${COMMANDS_USAGE}`);
  return resolve(value);
}
