// Turns a step into the message a model would send: content blocks, usage, and the two forms on the wire (JSON and SSE).
import { isAbsolute, join } from "node:path";
import type { Conversation } from "./conversation.ts";
import type { Step } from "./script.ts";

export type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown };

export interface Message {
  readonly id: string;
  readonly model: string;
  readonly content: readonly Block[];
  readonly usage: Usage;
}

/** Claude Code's tool for the final result, offered when it runs with `--json-schema`. */
export const RESULT_TOOL = "StructuredOutput";

/** The blocks of a step. A tool the run does not offer is named in text instead: a model cannot call what it was not given. */
export function blocksOf(step: Step, conversation: Conversation): Block[] {
  switch (step.kind) {
    case "say":
      return [{ type: "text", text: step.text }];
    case "use": {
      if (!conversation.tools.has(step.tool))
        return [{ type: "text", text: `I would use ${step.tool} now, but this run does not offer it.` }];
      return [...textOf(step.say), toolUse(step.tool, withAbsolutePath(step.input, conversation.workingDirectory))];
    }
    case "finish":
      if (conversation.tools.has(RESULT_TOOL)) return [...textOf(step.say), toolUse(RESULT_TOOL, step.result)];
      return [...textOf(step.say), { type: "text", text: JSON.stringify(step.result, null, 2) }];
    case "fault":
      if (step.fault.kind === "nonsense") {
        if (conversation.tools.has(RESULT_TOOL)) return [toolUse(RESULT_TOOL, { verdict: "banana", colour: 7 })];
        return [{ type: "text", text: "colourless green ideas sleep furiously }{ 0x" }];
      }
      if (step.fault.kind === "cut" || step.fault.kind === "stall")
        return [{ type: "text", text: "Let me think about this for a moment, because" }];
      return [];
    default:
      return step satisfies never;
  }
}

export function messageOf(
  model: string,
  content: readonly Block[],
  conversationBytes: readonly [before: number, latest: number],
): Message {
  const outputTokens = Math.max(1, tokensOf(JSON.stringify(content).length));
  return {
    id: newId("msg"),
    model,
    content,
    usage: usageOf(tokensOf(conversationBytes[0]), tokensOf(conversationBytes[1]), outputTokens),
  };
}

/** About four characters a token: right enough for a meter that is made of made-up work. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4);
}

/** The whole message as the API answers a request that did not ask for a stream. */
export function toJson(message: Message): object {
  return { ...envelope(message), content: message.content, stop_reason: stopReason(message), usage: message.usage };
}

/** The message as server-sent events, one string an event, in the order the API sends them. */
export function* toEvents(message: Message): Generator<string> {
  yield event("message_start", {
    message: { ...envelope(message), content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } },
  });
  yield event("ping", {});
  for (const [index, block] of message.content.entries()) {
    const isText = block.type === "text";
    yield event("content_block_start", { index, content_block: isText ? { type: "text", text: "" } : { ...block, input: {} } });
    const whole = isText ? block.text : JSON.stringify(block.input);
    for (const part of whole.match(/[\s\S]{1,80}/gu) ?? []) {
      yield event("content_block_delta", {
        index,
        delta: isText ? { type: "text_delta", text: part } : { type: "input_json_delta", partial_json: part },
      });
    }
    yield event("content_block_stop", { index });
  }
  yield event("message_delta", {
    delta: { stop_reason: stopReason(message), stop_sequence: null },
    usage: message.usage,
  });
  yield event("message_stop", {});
}

/** An id as the API makes them: a prefix and 24 characters. */
export function newId(prefix: "msg" | "toolu" | "req"): string {
  return `${prefix}_01${crypto.randomUUID().replaceAll("-", "").slice(0, 22)}`;
}

interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation: { readonly ephemeral_5m_input_tokens: number; readonly ephemeral_1h_input_tokens: number };
  readonly output_tokens: number;
  readonly service_tier: "standard";
}

/** What came before was read from the cache, what is new was written to it: how an agent's conversation is billed. */
function usageOf(beforeTokens: number, latestTokens: number, outputTokens: number): Usage {
  return {
    input_tokens: 4,
    cache_creation_input_tokens: latestTokens,
    cache_read_input_tokens: beforeTokens,
    cache_creation: { ephemeral_5m_input_tokens: latestTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: outputTokens,
    service_tier: "standard",
  };
}

function envelope(message: Message): object {
  return { id: message.id, type: "message", role: "assistant", model: message.model, stop_sequence: null };
}

function stopReason(message: Message): "tool_use" | "end_turn" {
  return message.content.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn";
}

function event(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

function toolUse(name: string, input: unknown): Block {
  return { type: "tool_use", id: newId("toolu"), name, input };
}

function textOf(text: string | undefined): Block[] {
  return text === undefined ? [] : [{ type: "text", text }];
}

function withAbsolutePath(input: Readonly<Record<string, unknown>>, workingDirectory: string | undefined): object {
  const path = input.file_path;
  if (typeof path !== "string" || isAbsolute(path) || workingDirectory === undefined) return input;
  return { ...input, file_path: join(workingDirectory, path) };
}
