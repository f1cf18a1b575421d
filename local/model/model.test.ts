// The contract with the stock Anthropic SDK: what it sends is understood, what it reads is what the real service sends.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { type ModelOptions, PortTakenError, startModel } from "./model.ts";
import { type Act, bash, type Fault, fault, finish, say, ticket } from "./script.ts";

const TOOLS: Anthropic.Tool[] = ["Bash", "StructuredOutput"].map((name) => ({ name, input_schema: { type: "object" } }));
const folder = await mkdtemp(join(tmpdir(), "omakase-model-"));
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await rm(folder, { recursive: true });
});

const architect = { summary: "s", plan: "p", steps: [], acceptance: [], files: [] };
const misbehave = (what: Fault, times?: number): Act<"coder"> =>
  function* () {
    yield fault(what, times);
    yield say("fine now");
  };
const broken = (): Generator<never> => {
  throw new Error("broken script");
};
const SCRIPTS = [
  ticket("OMA-1", {
    *architect() {
      yield bash("git ls-files", "Looking around: “é” 🍣.");
      yield finish(architect);
    },
    *tester() {
      yield* broken();
    },
  }),
  ...([400, 401, 429, 500, 529] as const).map((status) =>
    ticket(`ST-${status}`, { coder: misbehave({ kind: "status", status }) }),
  ),
  ticket("OV-1", { coder: misbehave({ kind: "status", status: 529 }, 1) }),
  ticket("CUT-1", { coder: misbehave({ kind: "cut" }) }),
  ticket("CUT-2", { coder: misbehave({ kind: "cut" }, 1) }),
  ticket("STALL-1", { coder: misbehave({ kind: "stall" }) }),
  ticket("EMPTY-1", { coder: misbehave({ kind: "empty" }) }),
  ticket("NON-1", { coder: misbehave({ kind: "nonsense" }) }),
];

function setup(over: Partial<ModelOptions> = {}) {
  const dir = join(folder, crypto.randomUUID());
  const model = startModel({ dir, port: 0, scripts: SCRIPTS, apiKey: "right", pace: 0, ...over });
  stops.push(model.stop);
  const client = new Anthropic({ baseURL: model.url, apiKey: "right", maxRetries: 0, timeout: 5_000 });
  const ask = (run: string, extra: Anthropic.MessageParam[] = []): Anthropic.MessageCreateParamsNonStreaming => ({
    model: "claude-sonnet-5-5",
    max_tokens: 1_000,
    tools: TOOLS,
    messages: [{ role: "user", content: `Omakase run | ${run} | round: 1\nTitle: x` }, ...extra],
  });
  return { model, client, ask, dir };
}
/** What a call failed with. The SDK's promises are not native ones, so `expect().rejects` does not see them. */
const failure = async (call: PromiseLike<unknown>): Promise<unknown> => {
  try {
    return { succeededWith: await call };
  } catch (error) {
    return error;
  }
};
const toolResult: Anthropic.MessageParam = {
  role: "user",
  content: [{ type: "tool_result", tool_use_id: "t", content: "src/a.ts" }],
};

describe("a message", () => {
  test("is the same streamed and whole: text, one tool call, usage, stop reason", async () => {
    const { client, ask } = setup();
    const whole = await client.messages.create(ask("role: architect | ticket: OMA-1"));
    const streamed = await client.messages.stream(ask("role: architect | ticket: OMA-1")).finalMessage();
    for (const message of [whole, streamed]) {
      expect(message.stop_reason).toBe("tool_use");
      expect(message.content.map((block) => block.type)).toEqual(["text", "tool_use"]);
      expect(message.content[0]).toMatchObject({ text: "Looking around: “é” 🍣." });
      expect(message.content[1]).toMatchObject({ name: "Bash", input: { command: "git ls-files" } });
      expect(message.usage.output_tokens).toBeGreaterThan(10);
      expect(message.usage.cache_creation_input_tokens).toBeGreaterThan(0);
    }
  });

  test("ends with the result in StructuredOutput when that is offered, as text when it is not", async () => {
    const { client, ask } = setup();
    const asked = ask("role: architect | ticket: OMA-1", [toolResult]);
    expect((await client.messages.create(asked)).content).toMatchObject([
      { type: "tool_use", name: "StructuredOutput", input: architect },
    ]);
    const plain = await client.messages.create({ ...asked, tools: [] });
    expect(plain.content[0]?.type === "text" && JSON.parse(plain.content[0].text)).toEqual(architect);
  });

  test("never calls a tool that was not offered", async () => {
    const { client, ask } = setup();
    const message = await client.messages.create({ ...ask("role: architect | ticket: OMA-1"), tools: [] });
    expect(message).toMatchObject({ stop_reason: "end_turn", content: [{ type: "text" }] });
  });

  test("M1: is the same after a restart", async () => {
    const first = setup();
    const asked = first.ask("role: architect | ticket: OMA-1", [toolResult]);
    const before = await first.client.messages.create(asked);
    await first.model.stop();
    const second = setup({ dir: first.dir });
    const after = await second.client.messages.create(asked);
    expect(after.content[0]).toMatchObject({
      input: before.content[0]?.type === "tool_use" ? before.content[0].input : undefined,
    });
  });

  test("says what this server is to somebody without a marker", async () => {
    const { client } = setup();
    const message = await client.messages.create({
      model: "claude-opus-5-5",
      max_tokens: 5,
      messages: [{ role: "user", content: "Hello" }],
    });
    expect(message.content).toMatchObject([{ text: expect.stringContaining("scripted model") }]);
  });
});

describe("counting and models", () => {
  test("tokens are counted from what is sent", async () => {
    const { client, ask } = setup();
    const { max_tokens: _, ...asked } = ask("role: architect | ticket: OMA-1");
    const count = async (more: string) =>
      (await client.messages.countTokens({ ...asked, messages: [...asked.messages, { role: "user", content: more }] }))
        .input_tokens;
    expect((await count("x".repeat(4_000))) - (await count(""))).toBe(1_000);
  });

  test("the models are listed, and any Claude id can be pinned", async () => {
    const { client } = setup();
    expect((await client.models.list()).data.map((model) => model.id)).toContain("claude-sonnet-5-5");
    expect((await client.models.retrieve("claude-opus-4-1-20250805")).type).toBe("model");
    expect(await failure(client.models.retrieve("gpt-9"))).toBeInstanceOf(Anthropic.NotFoundError);
  });
});

describe("an error", () => {
  test("M2: has Anthropic's own shape for a bad key, a bad body, a bad model, an unknown route and a wrong method", async () => {
    const { model, ask } = setup();
    const headers = { "x-api-key": "right", "anthropic-version": "2023-06-01" };
    const body = JSON.stringify(ask("role: architect | ticket: OMA-1"));
    const post = (path: string, init: RequestInit) => fetch(`${model.url}${path}`, { method: "POST", headers, ...init });
    const answers = await Promise.all([
      post("/v1/messages", { body, headers: {} }),
      post("/v1/messages", { body, headers: { ...headers, "x-api-key": "wrong" } }),
      post("/v1/messages", { body, headers: { "x-api-key": "right" } }),
      post("/v1/messages", { body: "{" }),
      post("/v1/messages", { body: JSON.stringify({ ...JSON.parse(body), messages: undefined }) }),
      post("/v1/messages", { body: JSON.stringify({ ...JSON.parse(body), model: "gpt-9" }) }),
      post("/v1/complete", { body }),
      fetch(`${model.url}/v1/messages`, { headers }),
    ]);
    expect(
      await Promise.all(answers.map(async (answer) => [answer.status, ((await answer.json()) as Anthropic.ErrorResponse).error])),
    ).toEqual([
      [401, { type: "authentication_error", message: "x-api-key header is required" }],
      [401, { type: "authentication_error", message: "invalid x-api-key" }],
      [400, { type: "invalid_request_error", message: "anthropic-version: header is required" }],
      [400, { type: "invalid_request_error", message: "The request body is not valid JSON." }],
      [400, { type: "invalid_request_error", message: "messages: Field required" }],
      [404, { type: "not_found_error", message: "model: gpt-9" }],
      [404, { type: "not_found_error", message: "Not found" }],
      [405, { type: "invalid_request_error", message: "Method Not Allowed" }],
    ]);
    expect(answers.every((answer) => answer.headers.get("request-id")?.startsWith("req_"))).toBe(true);
  });

  test("a body past 32 MB is refused", async () => {
    const { model } = setup();
    const answer = await fetch(`${model.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": "right", "anthropic-version": "2023-06-01" },
      body: new Uint8Array(32 * 1024 * 1024 + 1),
    });
    expect(answer.status).toBe(413);
  });

  test("a script that throws is a 500, and the journal says why", async () => {
    const { client, ask, dir } = setup();
    expect(await failure(client.messages.create(ask("role: tester | ticket: OMA-1")))).toBeInstanceOf(
      Anthropic.InternalServerError,
    );
    expect(await Bun.file(join(dir, "requests.jsonl")).text()).toContain("broken script");
  });

  test("HEAD is answered without a key", async () => {
    expect((await fetch(setup().model.url, { method: "HEAD" })).status).toBe(200);
  });

  test("a taken port is one sentence", () => {
    const { model } = setup();
    expect(() => startModel({ dir: folder, port: Number(new URL(model.url).port), scripts: [] })).toThrow(PortTakenError);
  });
});

describe("a scripted fault", () => {
  test.each([
    [400, Anthropic.BadRequestError],
    [401, Anthropic.AuthenticationError],
    [429, Anthropic.RateLimitError],
    [500, Anthropic.InternalServerError],
    [529, Anthropic.InternalServerError],
  ] as const)("%p is the SDK's own error", async (status, type) => {
    const { client, ask } = setup();
    const error: unknown = await client.messages
      .create(ask(`role: coder | ticket: ST-${status}`))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ status });
    if (error instanceof Anthropic.RateLimitError) expect(error.headers.get("retry-after")).toBe("1");
  });

  test("that happens once is over when the SDK retries", async () => {
    const { model, ask } = setup();
    const client = new Anthropic({ baseURL: model.url, apiKey: "right", maxRetries: 1 });
    expect((await client.messages.create(ask("role: coder | ticket: OV-1"))).content).toMatchObject([{ text: "fine now" }]);
  });

  test("a cut stream is an error in the middle, and a second try is whole", async () => {
    const { client, ask } = setup();
    const events: string[] = [];
    const cut = client.messages.stream(ask("role: coder | ticket: CUT-1")).on("streamEvent", (event) => events.push(event.type));
    await expect(cut.finalMessage()).rejects.toThrow();
    expect(events).toContain("message_start");
    expect(events).not.toContain("message_stop");
    await expect(client.messages.stream(ask("role: coder | ticket: CUT-2")).finalMessage()).rejects.toThrow();
    expect((await client.messages.stream(ask("role: coder | ticket: CUT-2")).finalMessage()).stop_reason).toBe("end_turn");
  });

  test("a stall opens the stream and then says nothing", async () => {
    const { client, ask } = setup();
    const stream = client.messages.stream(ask("role: coder | ticket: STALL-1"));
    const events: string[] = [];
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    stream.on("streamEvent", (event) => {
      events.push(event.type);
      resolve();
    });
    await opened;
    stream.abort();
    await expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError);
    expect(events).not.toContain("message_stop");
  });

  test("empty is a message with nothing in it; nonsense is a result no schema accepts", async () => {
    const { client, ask } = setup();
    expect(await client.messages.create(ask("role: coder | ticket: EMPTY-1"))).toMatchObject({
      content: [],
      stop_reason: "end_turn",
    });
    expect((await client.messages.create(ask("role: coder | ticket: NON-1"))).content).toMatchObject([
      { name: "StructuredOutput", input: { verdict: "banana" } },
    ]);
  });
});
