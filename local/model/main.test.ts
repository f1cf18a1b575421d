import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = await mkdtemp(join(tmpdir(), "omakase-model-main-"));
afterAll(() => rm(folder, { recursive: true }));

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
  test("says where it listens, takes the key from its file, and ends on SIGTERM", async () => {
    await writeFile(join(folder, "key"), "the key\n");
    const child = start("--dir", join(folder, "data"), "--port", "0", "--pace", "0", "--api-key-file", join(folder, "key"));
    const { ready, url } = JSON.parse(await firstLine(child.stdout)) as { ready: boolean; url: string };
    expect(ready).toBe(true);
    const models = (key: string) =>
      fetch(`${url}/v1/models`, { headers: { "x-api-key": key, "anthropic-version": "2023-06-01" } });
    expect([(await models("the key")).status, (await models("another")).status]).toEqual([200, 401]);

    const second = start("--dir", join(folder, "data"), "--port", new URL(url).port);
    expect(await new Response(second.stderr).text()).toMatch(/^Port \d+ is taken: .*\n$/);
    expect(await second.exited).toBe(1);

    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test.each([
    [["--port", "0"], "--dir"],
    [["--dir", folder, "--port", "soup"], "--port soup"],
    [["--dir", folder, "--api-key-file", join(folder, "none")], "holds no key"],
    [["--dir", folder, "--scripts", join(folder, "none")], "cannot be read"],
  ])("refuses %j in one sentence", async (options, what) => {
    const child = start(...options);
    const complaint = await new Response(child.stderr).text();
    expect(complaint).toContain(what);
    expect(complaint.trim().split("\n")).toHaveLength(1);
    expect(await child.exited).toBe(1);
  });
});
