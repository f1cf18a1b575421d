// What must be the same after a restart: the key tokens are signed with, and the keys cookies are signed with.
// One file, readable by its owner only. Losing it signs everybody out, and nothing worse.
import { randomBytes } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import { StateError } from "./errors.ts";

const rsaKey = z.object({
  kty: z.literal("RSA"),
  ...{
    n: z.string(),
    e: z.string(),
    d: z.string(),
    p: z.string(),
    q: z.string(),
    dp: z.string(),
    dq: z.string(),
    qi: z.string(),
  },
  ...{ kid: z.string(), alg: z.literal("RS256"), use: z.literal("sig") },
});
const keysFile = z.object({ signing: rsaKey, cookies: z.array(z.string().min(32)).min(1) });

export type Keys = z.infer<typeof keysFile>;

/** Reads `keys.json`, or makes it at the first start. @throws {StateError} when it is there and not usable */
export async function loadKeys(dir: string): Promise<Keys> {
  const file = join(dir, "keys.json");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return makeKeys(file);
  const parsed = keysFile.safeParse(parseJson(text));
  if (!parsed.success)
    throw new StateError(`${file} is damaged: delete it, and everybody signs in again.`, { cause: parsed.error });
  await chmod(file, 0o600);
  return parsed.data;
}

async function makeKeys(file: string): Promise<Keys> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true, modulusLength: 2048 });
  const signing = { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString("hex"), alg: "RS256", use: "sig" };
  const keys = keysFile.parse({ signing, cookies: [randomBytes(32).toString("hex")] });
  // Whole or not at all: a crash in the middle of the write must not leave half a key behind.
  await writeFile(`${file}.new`, JSON.stringify(keys), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return keys;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
