// The seed against the local GitHub and the local Linear, each a process of its own, through the stock SDKs and real git.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinearClient } from "@linear/sdk";
import { seedSample } from "./seed.ts";
import { seedRepository } from "./seed-repository.ts";
import { seedTickets } from "./seed-tickets.ts";
import { SAMPLE_TICKETS } from "./tickets.ts";

const REPOSITORY = join(import.meta.dirname, "repository");
const LINEAR_KEY = "lin_api_0123456789abcdef";
const START_LIMIT_MS = 30_000;

const folder = await mkdtemp(join(tmpdir(), "omakase-seed-"));
const children: Bun.Subprocess[] = [];
afterAll(async () => {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exited));
  await rm(folder, { recursive: true, force: true });
});

const app = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const PERSON_TOKEN = "ghp_0123456789abcdef0123456789abcdef";
let githubUrl = "";

beforeAll(async () => {
  await writeFile(join(folder, "app.pem"), app.publicKey);
  await writeFile(join(folder, "people.json"), JSON.stringify({ [PERSON_TOKEN]: "ada" }));
  await writeFile(join(folder, "keys.json"), JSON.stringify({ [LINEAR_KEY]: "omakase" }));
  const options = [
    "--app-id",
    "1",
    "--app-public-key",
    join(folder, "app.pem"),
    "--user-token-file",
    join(folder, "people.json"),
  ];
  githubUrl = await start("github", "--dir", join(folder, "github"), ...options);
}, START_LIMIT_MS);

/** Starts a stand-in and returns the address in its ready line. */
async function start(name: "github" | "linear", ...options: string[]): Promise<string> {
  const child = Bun.spawn(["bun", join(import.meta.dirname, "..", name, "main.ts"), "--port", "0", ...options], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: process.env.PATH ?? "", HOME: folder },
  });
  children.push(child);
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    const url = /"url":"([^"]+)"/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`local/${name} ended before it was ready`);
}

async function freshLinear() {
  const url = await start("linear", "--dir", join(folder, crypto.randomUUID()), "--api-key-file", join(folder, "keys.json"));
  const target = { apiUrl: `${url}/graphql`, apiKey: LINEAR_KEY };
  return { target, client: new LinearClient(target) };
}

const github = (repo: string) =>
  ({ url: githubUrl, owner: "omakase", repo, auth: { kind: "app", appId: 1, privateKey: app.privateKey } }) as const;

async function git(...args: string[]): Promise<string> {
  const child = Bun.spawn(["git", ...args], {
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: process.env.PATH ?? "", HOME: folder, GIT_TERMINAL_PROMPT: "0" },
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`git ${args[0]} failed`);
  return output.trim();
}

describe("the sample", () => {
  test("is a repository with the order book on `main`, and five tickets in Backlog of which the second blocks the third", async () => {
    const { target, client } = await freshLinear();
    const sample = await seedSample({ github: github("kitchen-orders"), linear: target });
    expect(sample.repository).toMatchObject({ fullName: "omakase/kitchen-orders", pushed: true });
    expect(sample.tickets.map((ticket) => ticket.key)).toEqual(["OMA-1", "OMA-2", "OMA-3", "OMA-4", "OMA-5"]);
    for (const ticket of SAMPLE_TICKETS) {
      const issue = await client.issue(ticket.key);
      expect(issue).toMatchObject({
        id: ticket.id,
        title: ticket.title,
        description: ticket.description,
        priority: ticket.priority,
      });
      expect((await issue.state)?.type).toBe("backlog");
      expect((await issue.labels()).nodes.map((label) => label.name)).toEqual([...ticket.labels]);
      const blocked = await Promise.all(
        (await issue.relations()).nodes.map(async (relation) => [relation.type, (await relation.relatedIssue)?.identifier]),
      );
      expect(blocked).toEqual(ticket.key === "OMA-2" ? [["blocks", "OMA-3"]] : []);
    }
  });

  test("R1, T1: is left as it is when it is seeded again, and T3: a relation taken away stays away", async () => {
    const { target, client } = await freshLinear();
    const targets = { github: github("again"), linear: target };
    const first = await seedSample(targets);
    const second = SAMPLE_TICKETS[1]?.id ?? "";
    await client.updateIssue(second, { title: "Renamed" });
    const relation = (await (await client.issue(second)).relations()).nodes[0];
    await client.deleteIssueRelation(relation?.id ?? "");
    const again = await seedSample(targets);
    expect(again.repository).toEqual({ ...first.repository, pushed: false });
    expect(again.tickets).toEqual(first.tickets.map((ticket) => ({ ...ticket, created: false })));
    const issue = await client.issue(second);
    expect(issue.title).toBe("Renamed");
    expect((await issue.relations()).nodes).toEqual([]);
    expect((await client.issues()).nodes).toHaveLength(5);
  });

  test("T2, T3: is completed when an earlier seed was cut off in the middle", async () => {
    const { target, client } = await freshLinear();
    const team = (await client.teams()).nodes[0]?.id ?? "";
    for (const { id, title } of SAMPLE_TICKETS.slice(0, 3)) await client.createIssue({ id, title, teamId: team });
    const tickets = await seedTickets(target);
    expect(tickets.map(({ key, created }) => [key, created])).toEqual([
      ["OMA-1", false],
      ["OMA-2", false],
      ["OMA-3", false],
      ["OMA-4", true],
      ["OMA-5", true],
    ]);
    expect((await (await client.issue("OMA-2")).relations()).nodes).toHaveLength(1);
  });

  test("is refused by a team that has other tickets, with what to do", async () => {
    const { target, client } = await freshLinear();
    await client.createIssue({ title: "Somebody's", teamId: (await client.teams()).nodes[0]?.id ?? "" });
    await expect(seedTickets(target)).rejects.toThrow("OMA-1 became OMA-2");
    await expect(seedTickets({ ...target, teamKey: "NONE" })).rejects.toThrow("no team with the key NONE");
  });

  test("R2: two seeds at once push the same commit, whoever pushes and whatever they are called", async () => {
    const person = { ...github("twice"), auth: { kind: "token", token: PERSON_TOKEN } } as const;
    const [one, two] = await Promise.all([seedRepository(github("twice")), seedRepository(person)]);
    expect(one.headSha).toBe(two.headSha);
    expect((await seedRepository(github("another"))).headSha).toBe(one.headSha);
  });

  test("can be cloned, and what is cloned is what is here", async () => {
    const { cloneUrl, headSha } = await seedRepository(github("cloned"));
    const clone = join(folder, "clone");
    await git("clone", "--quiet", cloneUrl.replace("://", `://x-access-token:${PERSON_TOKEN}@`), clone);
    expect(await git("-C", clone, "rev-parse", "main")).toBe(headSha);
    const filesOf = async (root: string) =>
      (await readdir(root, { recursive: true, withFileTypes: true })).filter(
        (entry) => entry.isFile() && !entry.parentPath.includes(".git"),
      ).length;
    expect(await filesOf(clone)).toBe(await filesOf(REPOSITORY));
  });

  test("needs the app installed for the owner", async () => {
    await expect(seedRepository({ ...github("x"), owner: "strangers" })).rejects.toThrow("not installed for strangers");
  });
});
