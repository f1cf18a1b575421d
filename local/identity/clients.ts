// The two applications that may ask for tokens: the web (people sign in) and the orchestrator (machine to machine).
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ClientsFileError } from "./errors.ts";

const secret = z.string().min(16, "must have at least 16 characters");
const uris = z.array(z.url({ protocol: /^https?$/ })).min(1);

const clientsFile = z.strictObject({
  web: z.strictObject({ id: z.string().min(1), secret, redirectUris: uris, logoutUris: uris }),
  m2m: z.strictObject({ id: z.string().min(1), secret }),
});

export type Clients = z.infer<typeof clientsFile>;

/** Reads `{"web": {id, secret, redirectUris, logoutUris}, "m2m": {id, secret}}`. @throws {ClientsFileError} naming every bad field */
export async function readClients(file: string): Promise<Clients> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ClientsFileError(`The clients file ${file} cannot be read: give --clients-file an existing file.`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ClientsFileError(`The clients file ${file} is not JSON.`, { cause });
  }
  return parseClients(value);
}

/** @throws {ClientsFileError} naming every bad field */
export function parseClients(value: unknown): Clients {
  const parsed = clientsFile.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new ClientsFileError(`The clients are not usable: ${problems.join("; ")}.`);
}
