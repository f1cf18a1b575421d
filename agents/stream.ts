// Claude Code's output, one JSON object a line, as log events, a usage meter and, at the end, its own account of how it ended.
// Unknown lines are kept out of the log, never fatal: a newer Claude Code may say more than this one.

import { z } from "zod";
import type { EventLog, LogEvent } from "./events.ts";
import { apiUsage, Meter, type Usage } from "./usage.ts";

/** The stream's last line. `subtype` and the exit code prove nothing (an API error is a "success" with `is_error`). */
const resultLine = z.looseObject({
  type: z.literal("result"),
  subtype: z.string().catch("unknown"),
  is_error: z.boolean().catch(true),
  api_error_status: z.number().nullable().catch(null),
  terminal_reason: z.string().catch(""),
  num_turns: z.number().min(0).catch(0),
  total_cost_usd: z.number().min(0).catch(0),
  usage: apiUsage,
  result: z.string().catch(""),
  errors: z.array(z.string()).catch([]),
  permission_denials: z.array(z.looseObject({ tool_name: z.string().catch("?"), tool_input: z.unknown().optional() })).catch([]),
  structured_output: z.unknown().optional(),
});
export type ResultLine = z.infer<typeof resultLine>;

const block = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("thinking"), thinking: z.string() }),
  z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: z.unknown() }),
]);
const assistantLine = z.object({
  type: z.literal("assistant"),
  message: z.object({ id: z.string().catch(""), content: z.array(z.unknown()), usage: apiUsage }),
});
const toolResult = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  is_error: z.boolean().catch(false),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]).catch(""),
});
const userLine = z.object({ type: z.literal("user"), message: z.object({ content: z.array(z.unknown()) }) });
const retryLine = z.object({
  type: z.literal("system"),
  subtype: z.literal("api_retry"),
  attempt: z.number().catch(0),
  max_retries: z.number().catch(0),
  retry_delay_ms: z.number().catch(0),
  error_status: z.number().nullable().catch(null),
});
const initLine = z.object({
  type: z.literal("system"),
  subtype: z.literal("init"),
  model: z.string(),
  claude_code_version: z.string().catch("?"),
  tools: z.array(z.string()).catch([]),
  mcp_servers: z.array(z.unknown()).catch([]),
});

export class ClaudeStream {
  readonly #meter = new Meter();
  readonly #startedAt = new Map<string, { readonly name: string; readonly at: number }>();
  #result: ResultLine | null = null;
  #lastUsage = "";

  constructor(
    private readonly log: EventLog,
    /** The working copy: paths in it are shown without it. */
    private readonly folder: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** Claude Code's own account of its end; null until it has given one. */
  get result(): ResultLine | null {
    return this.#result;
  }

  /** Never throws. */
  line(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (text.trim() !== "") this.#say("stderr", "warn", "claude.output", text);
      return;
    }
    const type = z.object({ type: z.string() }).safeParse(value).data?.type;
    if (type === "assistant") this.#assistant(assistantLine.safeParse(value).data);
    else if (type === "user") this.#user(userLine.safeParse(value).data);
    else if (type === "system") this.#system(value);
    else if (type === "result") this.#ended(resultLine.safeParse(value).data);
  }

  #assistant(line: z.infer<typeof assistantLine> | undefined): void {
    if (!line) return;
    const { id, content, usage } = line.message;
    for (const part of content) {
      const known = block.safeParse(part).data;
      if (known?.type === "text") this.#say("model", "info", "model.text", known.text);
      else if (known?.type === "thinking") this.#say("model", "debug", "model.thinking", known.thinking);
      else if (known?.type === "tool_use") this.#toolCalled(known);
    }
    this.#used(this.#meter.seen(id, usage));
  }

  #toolCalled({ id, name, input }: { readonly id: string; readonly name: string; readonly input?: unknown }): void {
    if (this.#startedAt.size < 1_000) this.#startedAt.set(id, { name, at: this.now() });
    this.#say("tool", "info", "tool.call", `${name} ${gist(input)}`.trim(), {
      toolUseId: id,
      name,
      input,
    });
  }

  #user(line: z.infer<typeof userLine> | undefined): void {
    for (const part of line?.message.content ?? []) {
      const known = toolResult.safeParse(part).data;
      if (!known) continue;
      const { tool_use_id: toolUseId, is_error: isError, content } = known;
      const text = typeof content === "string" ? content : content.map((one) => one.text ?? `[${one.type}]`).join("\n");
      const started = this.#startedAt.get(toolUseId);
      this.#startedAt.delete(toolUseId);
      const durationMs = started ? this.now() - started.at : null;
      this.#say("tool", isError ? "warn" : "info", "tool.result", text, {
        toolUseId,
        name: started?.name ?? null,
        isError,
        durationMs,
      });
    }
  }

  #system(value: unknown): void {
    const retry = retryLine.safeParse(value).data;
    if (retry) {
      const { attempt, max_retries: maxRetries, error_status: status, retry_delay_ms: delayMs } = retry;
      const why = status === null ? "The model could not be reached" : `The model answered ${status}`;
      const text = `${why}: retry ${attempt} of ${maxRetries} in ${Math.round(delayMs)} ms`;
      this.#say("model", "warn", "model.retry", text, { attempt, maxRetries, status, delayMs: Math.round(delayMs) });
      return;
    }
    const init = initLine.safeParse(value).data;
    if (init) {
      const { model, claude_code_version: version, tools, mcp_servers: servers } = init;
      this.#say("runner", "info", "model.start", `Claude Code ${version} with ${model}`, {
        model,
        version,
        tools,
        mcpServers: servers.length,
      });
    }
  }

  #ended(line: ResultLine | undefined): void {
    if (!line) return;
    this.#result = line;
    const { usage } = line;
    // A run that the API cut off reports less than was seen on the way: the larger account is the true one.
    const seen = this.log.usage;
    this.#used({
      turns: Math.max(seen.turns, line.num_turns),
      inputTokens: Math.max(seen.inputTokens, usage.input_tokens),
      outputTokens: Math.max(seen.outputTokens, usage.output_tokens),
      cacheReadTokens: Math.max(seen.cacheReadTokens, usage.cache_read_input_tokens),
      cacheCreationTokens: Math.max(seen.cacheCreationTokens, usage.cache_creation_input_tokens),
      costUsd: line.total_cost_usd,
    });
  }

  #used(usage: Usage): void {
    const text = `${usage.turns} turns, ${usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens} tokens in, ${usage.outputTokens} out`;
    this.log.usage = usage;
    const key = `${text}${usage.costUsd}`;
    if (key === this.#lastUsage) return;
    this.#lastUsage = key;
    this.#say("model", "debug", "usage", usage.costUsd > 0 ? `${text}, $${usage.costUsd.toFixed(4)}` : text, usage);
  }

  #say(source: LogEvent["source"], level: LogEvent["level"], kind: string, text: string, data?: object): void {
    const short = text.replaceAll(`${this.folder}/`, "");
    this.log.add({ source, level, kind, text: short, ...(data === undefined ? {} : { data }) });
  }
}

/** The telling part of a tool's input, for one line of a log. */
function gist(input: unknown): string {
  const known = z.object({ command: z.string(), file_path: z.string(), pattern: z.string() }).partial().safeParse(input).data;
  return (known?.command ?? known?.file_path ?? known?.pattern ?? "").slice(0, 500);
}

/** Splits bytes into lines; a line longer than `maxBytes` is passed over and counted. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  onTooLong: () => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n");
    for (const [index, piece] of pieces.entries()) {
      size += piece.length;
      if (size <= maxBytes) parts.push(piece);
      else parts = [];
      if (index === pieces.length - 1) continue;
      if (size > maxBytes) onTooLong();
      else yield parts.join("");
      [parts, size] = [[], 0];
    }
  }
  if (parts.length > 0 && size <= maxBytes) yield parts.join("") + decoder.decode();
}
