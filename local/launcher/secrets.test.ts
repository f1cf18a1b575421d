import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSecrets } from "./secrets.ts";

const folders: string[] = [];
const aFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "omakase-secrets-"));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("secrets are made once and stay the same", () => {
  const folder = aFolder();
  expect(loadSecrets(folder)).toEqual(loadSecrets(folder));
  expect(loadSecrets(folder).convexAdminKey).not.toBe(loadSecrets(aFolder()).convexAdminKey);
});

test("only their owner may read them", () => {
  const folder = aFolder();
  loadSecrets(folder);
  expect(statSync(join(folder, "secrets.json")).mode & 0o777).toBe(0o600);
});

test("a damaged file is refused in one sentence that says how to mend it, and is left as it is", () => {
  for (const text of ["{", "[]", '{"convexAdminKey": 3}']) {
    const folder = aFolder();
    writeFileSync(join(folder, "secrets.json"), text);
    expect(() => loadSecrets(folder)).toThrow(
      "is damaged, and everything stored was made with it: restore it from a backup, or begin anew with npm start -- --fresh",
    );
    expect(readFileSync(join(folder, "secrets.json"), "utf8")).toBe(text);
  }
});
