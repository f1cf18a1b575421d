// Reads a Messages request: what it asks for, and which Omakase run it belongs to. Decides nothing about the answer.
//
//   C1. The turn is the number of tool results in the conversation. Nothing else is counted, so a retry is the same turn.
//   C2. Only a marker at the very start of the run's own prompt names the run: the prompt is the last text block of the first
//       user message. Markers further down, in reminders, in files or in tool output are somebody's text (P8).
import { z } from "zod";
import { ROLES } from "./roles.ts";
import type { Outcome, Scene } from "./script.ts";

const textBlock = z.object({ type: z.literal("text"), text: z.string() });
const toolResult = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  is_error: z.boolean().nullish(),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).nullish(),
});
const block = z.union([textBlock, toolResult, z.looseObject({ type: z.string() })]);
const content = z.union([z.string(), z.array(block)]);

/** The part of a Messages request this server reads. Everything else a client sends is accepted and ignored. */
export const messagesRequest = z.object({
  model: z.string().min(1),
  max_tokens: z.number().int().positive(),
  messages: z.array(z.object({ role: z.enum(["user", "assistant", "system"]), content })).min(1),
  system: content.nullish(),
  stream: z.boolean().nullish(),
  tools: z.array(z.looseObject({ name: z.string(), input_schema: z.unknown() })).nullish(),
});
export type MessagesRequest = z.infer<typeof messagesRequest>;

export interface Conversation {
  /** Undefined when the prompt carries no marker: somebody is trying the server by hand. */
  readonly scene: Scene | undefined;
  readonly outcomes: readonly Outcome[];
  readonly workingDirectory: string | undefined;
  /** Names of the tools offered, with the schema of each one's input. */
  readonly tools: ReadonlyMap<string, unknown>;
}

const MARKER = new RegExp(
  `^Omakase run \\| role: (${ROLES.join("|")}) \\| ticket: ([A-Z][A-Z0-9]{0,19}-[0-9]{1,9}) \\| round: ([1-9][0-9]{0,3})[ \\t]*(?:\\r?\\n|$)`,
);

export function readConversation(request: MessagesRequest): Conversation {
  return {
    scene: readScene(request),
    outcomes: request.messages.flatMap((message) => (message.role === "user" ? outcomesOf(message.content) : [])),
    workingDirectory: readWorkingDirectory(request),
    tools: new Map((request.tools ?? []).map((tool) => [tool.name, tool.input_schema])),
  };
}

function readScene({ messages }: MessagesRequest): Scene | undefined {
  const first = messages.find((message) => message.role === "user");
  const prompt = first === undefined ? undefined : textsOf(first.content).at(-1);
  const marker = prompt === undefined ? null : MARKER.exec(prompt);
  if (!prompt || !marker) return undefined;
  const role = ROLES.find((candidate) => candidate === marker[1]);
  const ticket = marker[2];
  if (role === undefined || ticket === undefined) return undefined;
  return { role, ticket, round: Number(marker[3]), prompt: prompt.slice(marker[0].length) };
}

/** Claude Code names its working directory in its system text; file tools want absolute paths. */
function readWorkingDirectory(request: MessagesRequest): string | undefined {
  const told = request.messages.flatMap((message) => (message.role === "system" ? textsOf(message.content) : []));
  for (const text of [...textsOf(request.system ?? []), ...told]) {
    const found = /^\s*-?\s*(?:Primary )?working directory: (\/.*)$/im.exec(text)?.[1];
    if (found !== undefined) return found.trim();
  }
  return undefined;
}

function textsOf(from: z.infer<typeof content>): string[] {
  if (typeof from === "string") return [from];
  return from.flatMap((each) => (isText(each) ? [each.text] : []));
}

function outcomesOf(from: z.infer<typeof content>): Outcome[] {
  if (typeof from === "string") return [];
  return from.flatMap((each) => {
    const result = toolResult.safeParse(each);
    if (!result.success) return [];
    const { content: answer, is_error: isError } = result.data;
    const text =
      typeof answer === "string" ? answer : (answer ?? []).flatMap((part) => (isText(part) ? [part.text] : [])).join("\n");
    return [{ text, isError: isError ?? false }];
  });
}

function isText(value: unknown): value is z.infer<typeof textBlock> {
  return textBlock.safeParse(value).success;
}
