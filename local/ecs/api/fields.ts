// The edge where a request's JSON becomes types: one reader for all operations. A wrong type is AWS's SerializationException, an absent
// member its InvalidParameterException.
import { invalidParameter, malformed } from "../errors.ts";

export class Fields {
  constructor(
    private readonly source: Readonly<Record<string, unknown>>,
    private readonly path = "",
  ) {}

  /** @throws {AwsError} when it is no JSON object */
  static of(value: unknown, path = ""): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw malformed(`${path || "The request"} must be a JSON object`);
    return new Fields(value as Record<string, unknown>, path);
  }

  /** The object as it was sent. */
  get raw(): Readonly<Record<string, unknown>> {
    return this.source;
  }

  text(name: string): string | undefined {
    const value = this.source[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") throw malformed(`${this.at(name)} must be a string`);
    return value;
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw invalidParameter(`${this.at(name)} cannot be empty.`);
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.source[name];
    if (value === undefined || value === null) return undefined;
    if (!Number.isSafeInteger(value)) throw malformed(`${this.at(name)} must be an integer`);
    return Number(value);
  }

  /** Within `[min, max]`, or `fallback` when it is absent. */
  integerWithin(name: string, min: number, max: number, fallback: number): number {
    const value = this.integer(name) ?? fallback;
    if (value < min || value > max) throw invalidParameter(`${this.at(name)} must be between ${min} and ${max}.`);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.source[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "boolean") throw malformed(`${this.at(name)} must be a boolean`);
    return value;
  }

  object(name: string): Fields | undefined {
    const value = this.source[name];
    return value === undefined || value === null ? undefined : Fields.of(value, this.at(name));
  }

  objects(name: string): Fields[] {
    return this.items(name).map((item, index) => Fields.of(item, `${this.at(name)}[${index}]`));
  }

  texts(name: string): string[] {
    return this.items(name).map((item) => {
      if (typeof item !== "string") throw malformed(`${this.at(name)} must hold strings`);
      return item;
    });
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw invalidParameter(`${this.at(name)} must be one of ${choices.join(", ")}.`);
    return choice;
  }

  has(name: string): boolean {
    return this.source[name] !== undefined && this.source[name] !== null;
  }

  private items(name: string): readonly unknown[] {
    const value = this.source[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw malformed(`${this.at(name)} must be a list`);
    return value;
  }

  private at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }
}

/** JSON with sorted keys: the same for the same value, however a caller orders its members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}

export const sha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

/** An opaque page token over a number. */
export const pageToken = (position: number): string => Buffer.from(`p${position}`).toString("base64url");

/** @throws {AwsError} for a token that is none of ours */
export function pagePosition(token: string | undefined): number {
  if (token === undefined) return 0;
  const match = /^p(\d{1,15})$/.exec(Buffer.from(token, "base64url").toString());
  if (!match) throw invalidParameter("Invalid token.");
  return Number(match[1]);
}
