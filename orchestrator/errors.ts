// Every error thrown on purpose. Switch and alert on `code`; `message` is for a person reading a log.

export abstract class OmakaseError extends Error {
  abstract readonly code: string;
  /** May the same call succeed later, unchanged? */
  abstract readonly retryable: boolean;
  /** How long the far side asks us to wait, ms; null when it does not say. */
  readonly retryAfterMs: number | null = null;
  override get name(): string {
    return this.constructor.name;
  }
}

/** One line for a log or a snapshot, whatever was thrown. */
export function reasonOf(error: unknown, maxLength = 500): string {
  const text = error instanceof Error ? `${error.name === "Error" ? "" : `${error.name}: `}${error.message}` : String(error);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}
