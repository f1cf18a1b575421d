// Reads a request's JSON body, bounded, and hands out checked values with GitHub's messages for bad ones.
import { GitHubError } from "../errors.ts";

const MAX_JSON_BYTES = 4 * 1024 * 1024;
/** GitHub's bound for bodies of pull requests, reviews and comments. */
export const MAX_TEXT_LENGTH = 65_536;

/** The whole body, at most `maxBytes` of it. @throws {GitHubError} 413 */
export async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new GitHubError(413, `Payload too large: at most ${maxBytes} bytes are read.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** @throws {GitHubError} 400 when the body is not a JSON object */
export async function readInput(request: Request): Promise<Input> {
  const bytes = await readBounded(request, MAX_JSON_BYTES);
  if (bytes.byteLength === 0) return new Input({});
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isRecord(value)) return new Input(value);
  } catch {
    throw new GitHubError(400, "Problems parsing JSON");
  }
  throw new GitHubError(400, "Body should be a JSON object");
}

type JsonRecord = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is JsonRecord => typeof value === "object" && value !== null && !Array.isArray(value);

const invalid = (sentence: string) => new GitHubError(422, `Invalid request.\n\n${sentence}`);

/** A JSON object of unknown content. Every reader throws {GitHubError} 422 for a value of the wrong kind; null counts as absent. */
export class Input {
  constructor(private readonly values: JsonRecord) {}

  has = (name: string) => this.values[name] !== undefined;

  string(name: string): string {
    const value = this.optionalString(name);
    if (value === null) throw invalid(`"${name}" wasn't supplied.`);
    return value;
  }

  optionalString(name: string): string | null {
    const value = this.values[name] ?? null;
    if (value !== null && typeof value !== "string") throw this.#wrong(name, "a string");
    if (value?.includes("\0")) throw invalid(`"${name}" contains a null byte.`);
    return value;
  }

  /** A text people read; longer than GitHub takes is refused by its own words. */
  optionalText(name: string): string | null {
    const value = this.optionalString(name);
    if (value !== null && value.length > MAX_TEXT_LENGTH) {
      throw new GitHubError(422, "Validation Failed", {
        errors: [
          {
            resource: "Issue",
            code: "custom",
            field: name,
            message: `${name} is too long (maximum is ${MAX_TEXT_LENGTH} characters)`,
          },
        ],
      });
    }
    return value;
  }

  /** The value if it was given, undefined to leave things as they are. */
  optionalBoolean(name: string): boolean | undefined {
    const value = this.values[name] ?? undefined;
    if (value !== undefined && typeof value !== "boolean") throw this.#wrong(name, "a boolean");
    return value;
  }

  optionalInteger(name: string): number | null {
    const value = this.values[name] ?? null;
    if (value !== null && (typeof value !== "number" || !Number.isSafeInteger(value))) throw this.#wrong(name, "an integer");
    return value;
  }

  optionalChoice<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | null {
    const value = this.optionalString(name);
    if (value === null) return null;
    const choice = choices.find((known) => known === value);
    if (choice === undefined)
      throw invalid(`For 'properties/${name}', "${value.slice(0, 100)}" is not a member of ${JSON.stringify(choices)}.`);
    return choice;
  }

  optionalObject(name: string): Input | null {
    const value = this.values[name] ?? null;
    if (value === null) return null;
    if (!isRecord(value)) throw this.#wrong(name, "an object");
    return new Input(value);
  }

  objects(name: string): Input[] {
    return this.list(name).map((value) => {
      if (!isRecord(value)) throw this.#wrong(name, "an array of objects");
      return new Input(value);
    });
  }

  list(name: string): readonly unknown[] {
    const value = this.values[name] ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, "an array");
    return value;
  }

  record(name: string): JsonRecord | undefined {
    const value = this.values[name] ?? undefined;
    if (value !== undefined && !isRecord(value)) throw this.#wrong(name, "an object");
    return value;
  }

  #wrong = (name: string, kind: string) =>
    invalid(`For 'properties/${name}', ${JSON.stringify(this.values[name]).slice(0, 100)} is not ${kind}.`);
}
