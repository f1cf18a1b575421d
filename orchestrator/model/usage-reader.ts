// Reads what an answer of the model used while it streams by, without holding it up: from the server-sent events of a stream
// (`message_start`, then `message_delta` with the totals), or from the body of an answer that is not one.
//
//   U1. Of a stream that was cut off, the input is known from its start, and the output is guessed from what went by, never less.
//   U2. Nothing in an answer makes it fail or grow without bound: what is not understood is passed over.

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  /** All that was written to the cache; the part that is kept for an hour is counted in `cacheCreation1hTokens` as well. */
  readonly cacheCreationTokens: number;
  readonly cacheCreation1hTokens: number;
}

const NO_TOKENS: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  cacheCreation1hTokens: 0,
};

/** One event of a stream, or a whole answer; a longer one is not read. */
const MAX_CHARS = 8 * 1024 * 1024;
/** About four characters a token: the guess for output nobody has counted. */
const CHARS_PER_TOKEN = 4;

export class UsageReader {
  readonly #decoder = new TextDecoder();
  readonly #isStream: boolean;
  #text = "";
  #isTooLong = false;
  #usage: TokenUsage | null = null;
  /** Characters of content since the last count of the output. */
  #uncounted = 0;

  constructor(contentType: string) {
    this.#isStream = contentType.includes("text/event-stream");
  }

  push(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    if (this.#isStream) this.#takeLines();
    if (this.#text.length <= MAX_CHARS) return;
    this.#text = "";
    this.#isTooLong = true;
  }

  /** What was used; null when the answer never said. */
  end(): TokenUsage | null {
    if (!this.#isStream && !this.#isTooLong) this.#take(parsed(this.#text)?.usage);
    if (this.#usage === null) return null;
    const guessed = Math.ceil(this.#uncounted / CHARS_PER_TOKEN); // U1
    return { ...this.#usage, outputTokens: this.#usage.outputTokens + guessed };
  }

  #takeLines(): void {
    const lines = this.#text.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      if (this.#isTooLong) this.#isTooLong = false;
      else if (line.startsWith("data:")) this.#takeEvent(line.slice(5));
    }
  }

  #takeEvent(json: string): void {
    if (json.includes('"content_block_')) {
      this.#uncounted += contentIn(json);
      return;
    }
    const event = parsed(json);
    if (event?.type === "message_start") this.#take(record(event.message)?.usage);
    else if (event?.type === "message_delta" && this.#take(event.usage)) this.#uncounted = 0;
  }

  /** Counts are totals so far, and a later account may leave out what has not changed. */
  #take(value: unknown): boolean {
    const usage = record(value);
    if (!usage) return false;
    const known = this.#usage ?? NO_TOKENS;
    const cached = record(usage.cache_creation);
    this.#usage = {
      inputTokens: most(known.inputTokens, usage.input_tokens),
      outputTokens: most(known.outputTokens, usage.output_tokens),
      cacheReadTokens: most(known.cacheReadTokens, usage.cache_read_input_tokens),
      cacheCreationTokens: most(known.cacheCreationTokens, usage.cache_creation_input_tokens),
      cacheCreation1hTokens: most(known.cacheCreation1hTokens, cached?.ephemeral_1h_input_tokens),
    };
    return true;
  }
}

/** How much of the model's own output an event carries. */
function contentIn(json: string): number {
  const delta = record(parsed(json)?.delta);
  const part = delta?.text ?? delta?.partial_json ?? delta?.thinking;
  return typeof part === "string" ? part.length : 0;
}

const most = (known: number, told: unknown): number =>
  typeof told === "number" && Number.isSafeInteger(told) && told > known ? told : known;

function parsed(text: string): Record<string, unknown> | null {
  try {
    return record(JSON.parse(text));
  } catch {
    return null;
  }
}

const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
