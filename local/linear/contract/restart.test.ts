// The server as a process: its ready line, its flags, `kill -9` in the middle of work, and a graceful end.
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinearClient } from "@linear/sdk";
import { aReceiver, SECRET } from "../testing/receiver.ts";

const KEY = "lin_api_ada_for_tests_only";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A process over `directory`, and the url of its ready line. */
async function aProcess(directory: string, ...flags: string[]) {
  const keyFile = join(directory, "keys.json");
  writeFileSync(keyFile, JSON.stringify({ [KEY]: "ada" }));
  const command = [
    process.execPath,
    join(import.meta.dir, "../main.ts"),
    "--dir",
    join(directory, "state"),
    "--port",
    "0",
    "--api-key-file",
    keyFile,
    ...flags,
  ];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", env: { PATH: process.env.PATH ?? "", HOME: tmpdir() } });
  cleanups.push(() => child.kill("SIGKILL"));
  const { value } = await child.stdout.getReader().read();
  const ready: unknown = JSON.parse(new TextDecoder().decode(value));
  expect(ready).toEqual({ ready: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  const { url } = ready as { url: string };
  return { child, url, client: new LinearClient({ apiKey: KEY, apiUrl: `${url}/graphql` }) };
}

function aDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "omakase-linear-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe("the process", () => {
  test("S2: after kill -9 every answered change is there, none twice, numbering goes on, and owed webhooks arrive", async () => {
    const directory = aDirectory();
    const receiver = aReceiver();
    cleanups.push(receiver.stop);
    const first = await aProcess(directory, "--webhook-attempt-delays", "200,200,200");
    const teamId = (await first.client.team("OMA")).id;
    await first.client.createWebhook({ url: receiver.url, secret: SECRET, resourceTypes: ["Issue"], allPublicTeams: true });
    receiver.answers.push(...Array<number>(1_000).fill(500)); // nothing is heard before the crash
    const answered: string[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let turn = 0; ; turn++) {
        const payload = await first.client.createIssue({ teamId, title: `${writer}.${turn}` }).then(Object, () => undefined);
        if (!payload) return;
        answered.push(payload.issueId);
        if (answered.length === 60) first.child.kill("SIGKILL");
      }
    });
    await Promise.all(writers);
    expect(await first.child.exited).not.toBe(0);
    receiver.answers.splice(0);

    const second = await aProcess(directory, "--webhook-attempt-delays", "200,200,200");
    const issues = (await second.client.issues({ first: 100 })).nodes;
    const ids = issues.map(({ id }) => id);
    expect(answered.every((id) => ids.includes(id))).toBe(true);
    expect(new Set(issues.map(({ identifier }) => identifier)).size).toBe(issues.length);
    expect(issues.length - answered.length).toBeLessThanOrEqual(8); // at most what was committed and not yet answered
    const next = await (await second.client.createIssue({ teamId, title: "next" })).issue;
    expect(next?.number).toBe(Math.max(...issues.map(({ number }) => number)) + 1);
    const heard = await receiver.until((all) => {
      const told = new Set(all.map(({ body }) => (body.data as { id: string }).id));
      return issues.every(({ id }) => told.has(id));
    });
    expect(heard.length).toBeGreaterThanOrEqual(issues.length);
  });

  test("SIGTERM ends it with code 0, and a second start over the same state is quick", async () => {
    const directory = aDirectory();
    const first = await aProcess(directory);
    const session = await fetch(`${first.url}/session`, {
      method: "POST",
      body: new URLSearchParams({ user: "ada" }),
      redirect: "manual",
    });
    const cookie = session.headers.get("set-cookie")!.split(";")[0]!;
    const live = await fetch(`${first.url}/live`, { headers: { accept: "text/event-stream", cookie } });
    expect(live.headers.get("content-type")).toBe("text/event-stream"); // a page is open, and must not hold it
    first.child.kill("SIGTERM");
    expect(await first.child.exited).toBe(0);
    const startedAtMs = performance.now();
    await aProcess(directory);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000); // alone on the machine: 0.3 s
  });

  test("a taken port, a missing key file, a bad flag and a broken state each get one sentence and code 1", async () => {
    const directory = aDirectory();
    const { url } = await aProcess(directory);
    const keyFile = join(directory, "keys.json");
    const broken = join(directory, "broken");
    await Bun.write(join(broken, "linear.sqlite"), "this is not a database, whatever its name says".repeat(100));
    const failures: [string[], RegExp][] = [
      [["--dir", join(directory, "other"), "--port", new URL(url).port, "--api-key-file", keyFile], /^The port is taken\./],
      [
        ["--dir", join(directory, "other"), "--port", "0", "--api-key-file", join(directory, "none.json")],
        /^The key file .* cannot be read\./,
      ],
      [["--dir", broken, "--port", "0", "--api-key-file", keyFile], /^The state file .* cannot be opened\./],
      [["--port", "0"], /^Usage: /],
      [
        ["--dir", join(directory, "other"), "--port", "0", "--api-key-file", keyFile, "--webhook-attempt-delays", "soon"],
        /^--webhook-attempt-delays takes/,
      ],
    ];
    for (const [flags, sentence] of failures) {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "../main.ts"), ...flags], {
        stderr: "pipe",
        stdout: "ignore",
        env: {},
      });
      expect([await child.exited, (await new Response(child.stderr).text()).trim()]).toEqual([
        1,
        expect.stringMatching(sentence),
      ]);
    }
  });
});
