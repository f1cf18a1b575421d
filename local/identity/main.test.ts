import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = await mkdtemp(join(tmpdir(), "omakase-identity-main-"));
const clientsFile = join(folder, "clients.json");
afterAll(() => rm(folder, { recursive: true }));
await writeFile(
  clientsFile,
  JSON.stringify({
    web: {
      id: "w",
      secret: "0123456789abcdef",
      redirectUris: ["http://localhost:3000/cb"],
      logoutUris: ["http://localhost:3000/"],
    },
    m2m: { id: "m", secret: "0123456789abcdef" },
  }),
);

function start(...options: string[]) {
  return Bun.spawn(["bun", join(import.meta.dirname, "main.ts"), ...options], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "", HOME: folder },
  });
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) return new TextDecoder().decode(chunk).trim();
  return "";
}

describe("the command", () => {
  test("says where it listens, and ends on SIGTERM", async () => {
    const child = start("--dir", join(folder, "data"), "--port", "0", "--clients-file", clientsFile);
    const { ready, url } = JSON.parse(await firstLine(child.stdout)) as { ready: boolean; url: string };
    expect(ready).toBe(true);
    expect((await fetch(`${url}/.well-known/openid-configuration`)).status).toBe(200);

    const second = start("--dir", join(folder, "other"), "--port", new URL(url).port, "--clients-file", clientsFile);
    expect(await new Response(second.stderr).text()).toMatch(/^Port \d+ is taken: /m);
    expect(await second.exited).toBe(1);

    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test.each([
    [["--port", "0"], "--dir"],
    [["--dir", folder, "--port", "0"], "--clients-file"],
    [["--dir", folder, "--clients-file", clientsFile, "--port", "soup"], "--port soup"],
    [["--dir", folder, "--clients-file", join(folder, "none")], "cannot be read"],
  ])("refuses %j with what to do", async (options, what) => {
    const child = start(...options);
    expect(await new Response(child.stderr).text()).toContain(what);
    expect(await child.exited).toBe(1);
  });
});
