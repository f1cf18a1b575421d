// The commands, against local/linear and an orchestrator that answers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aLinear, type LinearUnderTest } from "@omakase/local-linear/testing/linear";
import { refusal } from "../testing/edge.ts";
import { createProgram } from "./program.ts";
import { readSettings } from "./settings.ts";

let server: LinearUnderTest;
const folder = mkdtempSync(join(tmpdir(), "omakase-cli-"));
beforeAll(async () => {
  server = await aLinear();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

let states = 0;
/** A launcher's state folder, with what it leaves there while Omakase runs. */
function aStateDir(run: object | string | null): string {
  const stateDir = join(folder, `state-${states++}`);
  mkdirSync(stateDir);
  if (run !== null) writeFileSync(join(stateDir, "run.json"), typeof run === "string" ? run : JSON.stringify(run));
  return stateDir;
}

async function omakase(words: string, orchestrator = "http://127.0.0.1:1") {
  const stateDir = aStateDir({
    launcher: 1,
    urls: { orchestrator, web: "http://web.test" },
    settings: { LINEAR_API_URL: `${server.url}/graphql`, LINEAR_API_KEY: server.key("dana") },
  });
  const printed: string[] = [];
  const program = createProgram({ settings: (dir) => readSettings({}, dir), print: (text) => printed.push(text) });
  await program.parseAsync(["--state", stateDir, ...words.split(" ")], { from: "user" });
  return printed.join("\n");
}

describe("ticket", () => {
  test("start moves it to Todo, as the person whose key it is", async () => {
    const { id, identifier } = await server.anIssue();
    expect(await omakase(`ticket start ${identifier}`)).toBe(
      `${identifier} is in Todo: Omakase takes it from here\nwatch it at http://web.test/projects`,
    );
    expect((await (await server.as("dana").issue(id)).state)?.name).toBe("Todo");
    const moved = (await server.journal()).filter(
      ({ operation, touched }) => operation === "issueUpdate" && touched.some((one) => one.id === id),
    );
    expect(moved.map(({ actor }) => actor.displayName)).toEqual(["dana"]);
  });

  test("cancel moves it to Canceled", async () => {
    const { id, identifier } = await server.anIssue();
    await omakase(`ticket cancel ${identifier}`);
    expect((await (await server.as("dana").issue(id)).state)?.type).toBe("canceled");
  });

  test("list and show print strangers' words without what could steer a terminal", async () => {
    const blocker = await server.anIssue({ title: "Red \u001b[31malert\u0007\nand more" });
    const blocked = await server.anIssue({ description: "line one\nline two\u001b]0;title\u0007" });
    const dana = server.as("dana");
    await dana.createIssueRelation({ issueId: blocker.id, relatedIssueId: blocked.id, type: "blocks" } as Parameters<
      typeof dana.createIssueRelation
    >[0]);
    await dana.createComment({ issueId: blocked.id, body: "first" });
    const list = await omakase("ticket list");
    expect(list).toContain(`${blocker.identifier.padEnd(8)}  Backlog`);
    expect(list).toContain("Red [31malert and more");
    const shown = await omakase(`ticket show ${blocked.identifier}`);
    expect(shown).toContain(`blocked by ${blocker.identifier}`);
    expect(shown).toContain("line one\nline two]0;title");
    expect(shown).toContain("dana, ");
    expect(list + shown).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test("of a key nobody has says so", async () => {
    expect(await refusal(omakase("ticket start OMA-99999"))).toMatchObject({ code: "linear_refused" });
  });
});

describe("status", () => {
  test("says whether the orchestrator is ready, and how far it is when it is not", async () => {
    let answer = Response.json({ status: "ready", shards: 16 });
    const orchestrator = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer.clone() });
    const url = `http://127.0.0.1:${orchestrator.port}`;
    expect(await omakase("status", url)).toBe("ready, with 16 of 16 shards");
    answer = Response.json({ status: "not ready", loading: 3, inbox: 7 }, { status: 503 });
    expect(await omakase("status", url)).toBe("not ready (not ready): loading 3 shards, 7 events waiting");
    await orchestrator.stop(true);
    expect(await refusal(omakase("status", url))).toMatchObject({ code: "orchestrator_away" });
  });
});

describe("settings", () => {
  const run = {
    urls: { orchestrator: "http://o", web: "http://w" },
    settings: { LINEAR_API_URL: "http://local", LINEAR_API_KEY: "local-key" },
  };

  test("come from what runs here, and a key that happens to lie in the shell is not used", () => {
    expect(readSettings({ LINEAR_API_KEY: "real-key" }, aStateDir(run)).linear).toEqual({
      apiUrl: "http://local",
      apiKey: "local-key",
    });
  });
  test("come from the environment when it names the server too, or when nothing runs here", () => {
    const env = { LINEAR_API_KEY: "real-key", LINEAR_API_URL: "http://real" };
    expect(readSettings(env, aStateDir(run)).linear).toEqual({ apiUrl: "http://real", apiKey: "real-key" });
    expect(readSettings({ LINEAR_API_KEY: "real-key" }, aStateDir(null)).linear.apiUrl).toBe("https://api.linear.app/graphql");
  });
  test("that are missing or damaged are said with what to do", () => {
    expect(() => readSettings({}, aStateDir(null))).toThrow(/npm start, or set LINEAR_API_KEY/);
    expect(() => readSettings({}, aStateDir("{"))).toThrow(/start it again/);
  });
});
