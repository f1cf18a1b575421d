// A ticket whose coder spends more than its run may: stopped inside the run, explained with figures, and finished once somebody who may
// has raised the ceiling. Through the whole system: gateway, runner, machines, Convex.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { api } from "../../convex/_generated/api.js";
import { type Headless, startHeadless } from "./headless.ts";
import { signIn } from "./sign-in.ts";
import { Tickets } from "./tickets.ts";
import { PROJECT, Reader } from "./watch.ts";

const LONG_MS = 120_000;
/** Enough for the architect's few turns; the coder's dozen looks need several times as much. */
const FEW_TOKENS = 50_000;
const KEY = "OMA-6";

let stack: Headless;
let reader: Reader;
let ada: ConvexHttpClient;

beforeAll(async () => {
  stack = await startHeadless(["--no-web"], () => {}, { model: ["--scripts", join(import.meta.dir, "scripts-budget")] });
  reader = await Reader.signedIn(stack.launch, "Dana");
  await reader.boardWhere((cards) => cards.length === 5, 20_000);
  ada = new ConvexHttpClient(stack.launch.stack.convex.url, { skipConvexDeploymentUrlCheck: true, logger: false });
  ada.setAuth(await signIn(stack.launch, "Ada"));
}, 60_000);
afterAll(async () => {
  await reader?.close();
  await stack?.end();
}, 30_000);

/** @returns what was allowed before */
async function allowTokens(maxTokens: number): Promise<number> {
  const { settings } = await ada.query(api.budgets.ofProject, { project: PROJECT, now: 0 });
  const agent = { ...settings.agent, maxTokens };
  await ada.mutation(api.projects.configure, { project: PROJECT, settings: { ...settings, agent }, key: crypto.randomUUID() });
  return settings.agent.maxTokens;
}
const cardIn = (state: string) =>
  reader
    .boardWhere((cards) => cards.some((card) => card.key === KEY && (card.state === state || card.state === "failing")), LONG_MS)
    .then((cards) => cards.find(({ key }) => key === KEY));
const month = async () => {
  const { accounts } = await ada.query(api.budgets.ofProject, { project: PROJECT, now: Date.now() });
  return accounts.find(({ level }) => level === "project");
};

test(
  "a run over its budget ends inside, is not tried again, says why, and the feature is finished once the ceiling is raised",
  async () => {
    const usual = await allowTokens(FEW_TOKENS);
    const tickets = new Tickets(stack.launch);
    expect((await tickets.create("OMA", "Dear")).key).toBe(KEY);
    await tickets.move(KEY, "Todo");

    const stopped = await cardIn("needsHuman");
    expect(stopped).toMatchObject({
      state: "needsHuman",
      failure: expect.stringMatching(/^Out of budget: The run has used [\d,]+ of the 50,000 tokens it may$/),
    });
    const { runs } = await reader.feature(KEY);
    expect(runs.map(({ role }) => role)).toEqual(["architect", "coder"]);
    const coder = runs.find(({ role }) => role === "coder");
    const receipt = coder && (await ada.query(api.runs.receipt, { run: coder.id }));
    expect(receipt).toMatchObject({ reserved: { tokens: FEW_TOKENS }, places: { limit: expect.any(Number) } });
    expect(receipt?.overBudget).toContain("of the 50,000");
    // What was under way when it passed the limit is all that may go beyond it: one answer.
    expect(receipt?.settled?.tokens).toBeGreaterThanOrEqual(FEW_TOKENS);
    expect(receipt?.settled?.tokens).toBeLessThan(FEW_TOKENS * 1.25);
    expect(stopped?.costUsd).toBeGreaterThan(0);

    const { orchestrator } = stack.launch.stack.urls;
    const headers = { authorization: `Bearer ${await signIn(stack.launch, "Dana")}` };
    const answer = await fetch(`${orchestrator}/why?key=${KEY}&project=${PROJECT}`, { headers });
    const { features } = (await answer.json()) as { features: { reasons: { kind: string }[] }[] };
    expect(features[0]?.reasons.map(({ kind }) => kind)).toEqual(["budget"]);

    await allowTokens(usual);
    const done = await cardIn("passing");
    expect(done).toMatchObject({ state: "passing", failure: null });
    const after = await month();
    expect(after).toMatchObject({ reserved: { microUsd: 0, tokens: 0 }, runs: 5 });
    expect(after?.spent.tokens).toBeGreaterThan(FEW_TOKENS);
  },
  LONG_MS * 2,
);
