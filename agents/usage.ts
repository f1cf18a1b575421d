// What a run has used so far, as the orchestrator keeps it. Cost is known only when Claude Code ends by itself: its stream carries
// tokens, its result line the price.

import { z } from "zod";

export interface Usage {
  readonly turns: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
  readonly costUsd: number;
}

export const NO_USAGE: Usage = {
  turns: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  costUsd: 0,
};

const tokens = z.number().int().min(0).catch(0);

/** The `usage` object of Anthropic's API, as both a message and the result carry it. */
export const apiUsage = z
  .object({
    input_tokens: tokens,
    output_tokens: tokens,
    cache_read_input_tokens: tokens,
    cache_creation_input_tokens: tokens,
  })
  .catch({ input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });

/** Adds up what streams by. One message comes in several lines, each with the usage so far: the last one counts. */
export class Meter {
  readonly #byMessage = new Map<string, z.infer<typeof apiUsage>>();

  /** Everything the stream has shown so far. */
  seen(messageId: string, usage: z.infer<typeof apiUsage>): Usage {
    this.#byMessage.set(messageId, usage);
    const all = [...this.#byMessage.values()];
    const sum = (name: keyof z.infer<typeof apiUsage>) => all.reduce((total, one) => total + one[name], 0);
    return {
      turns: all.length,
      inputTokens: sum("input_tokens"),
      outputTokens: sum("output_tokens"),
      cacheReadTokens: sum("cache_read_input_tokens"),
      cacheCreationTokens: sum("cache_creation_input_tokens"),
      costUsd: 0,
    };
  }
}
