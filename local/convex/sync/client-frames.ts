// Frames clients send, parsed once. Anything else is a BadFrame: that client is told and dropped, nobody else notices.
import type { JsonObject, JsonValue } from "../engine/index.ts";

export type ClientFrame =
  | {
      readonly type: "Connect";
      readonly sessionId: string;
      readonly maxObservedTs: bigint | null;
      readonly clientTs: number | null;
    }
  | {
      readonly type: "ModifyQuerySet";
      readonly baseVersion: number;
      readonly newVersion: number;
      readonly modifications: readonly QueryModification[];
    }
  | {
      readonly type: "Mutation" | "Action";
      readonly requestId: number;
      /** "" is the app itself; components are for admins. */
      readonly component: string;
      readonly path: string;
      readonly args: JsonObject;
    }
  | { readonly type: "Authenticate"; readonly baseVersion: number; readonly credential: Credential }
  | { readonly type: "Event" };

export type QueryModification =
  | {
      readonly type: "Add";
      readonly queryId: number;
      readonly component: string;
      readonly path: string;
      readonly args: JsonObject;
      readonly journal: string | null;
    }
  | { readonly type: "Remove"; readonly queryId: number };

export type Credential =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly token: string }
  | { readonly kind: "admin"; readonly key: string; readonly actingAs: JsonObject | null };

export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @throws {BadFrame} saying which field of which message is wrong */
export function parseClientFrame(text: string): ClientFrame {
  const frame = new Fields(parseJson(text), "message");
  const type = frame.text("type");
  switch (type) {
    case "Connect": {
      const sessionId = frame.text("sessionId");
      if (!UUID.test(sessionId)) throw new BadFrame("Connect: sessionId must be a UUID.");
      return {
        type,
        sessionId,
        maxObservedTs: frame.timestamp("maxObservedTimestamp"),
        clientTs: frame.optionalNumber("clientTs"),
      };
    }
    case "ModifyQuerySet":
      return {
        type,
        baseVersion: frame.count("baseVersion"),
        newVersion: frame.count("newVersion"),
        modifications: frame.list("modifications").map((entry) => parseModification(new Fields(entry, "modification"))),
      };
    case "Mutation":
    case "Action":
      return {
        type,
        requestId: frame.count("requestId"),
        component: frame.component(),
        path: frame.text("udfPath"),
        args: frame.args(),
      };
    case "Authenticate":
      return { type, baseVersion: frame.count("baseVersion"), credential: parseCredential(frame) };
    case "Event":
      return { type };
    default:
      throw new BadFrame(`Unknown message type ${JSON.stringify(type)}.`);
  }
}

function parseModification(entry: Fields): QueryModification {
  const type = entry.text("type");
  const queryId = entry.count("queryId");
  if (type === "Remove") return { type, queryId };
  if (type !== "Add") throw new BadFrame(`Unknown query modification ${JSON.stringify(type)}.`);
  return {
    type,
    queryId,
    component: entry.component(),
    path: entry.text("udfPath"),
    args: entry.args(),
    journal: entry.optionalText("journal"),
  };
}

function parseCredential(frame: Fields): Credential {
  const tokenType = frame.text("tokenType");
  switch (tokenType) {
    case "None":
      return { kind: "none" };
    case "User":
      return { kind: "user", token: frame.text("value") };
    case "Admin":
      return { kind: "admin", key: frame.text("value"), actingAs: frame.optionalObject("impersonating") };
    default:
      throw new BadFrame(`Unknown token type ${JSON.stringify(tokenType)}.`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadFrame("Message is not JSON.", { cause });
  }
}

class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly what: string,
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadFrame(`A ${what} must be an object.`);
    this.#fields = value as Record<string, unknown>;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string") throw new BadFrame(`${this.what}: ${name} must be a string.`);
    return value;
  }

  optionalText(name: string): string | null {
    const value = this.#fields[name];
    return typeof value === "string" ? value : null;
  }

  component(): string {
    return this.#fields.componentPath == null ? "" : this.text("componentPath");
  }

  optionalNumber(name: string): number | null {
    const value = this.#fields[name];
    return typeof value === "number" ? value : null;
  }

  optionalObject(name: string): JsonObject | null {
    const value = this.#fields[name];
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  }

  count(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new BadFrame(`${this.what}: ${name} must be a non-negative integer.`);
    }
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw new BadFrame(`${this.what}: ${name} must be an array.`);
    return value;
  }

  /** Arguments travel as an array with one object. */
  args(): JsonObject {
    const [first, ...rest] = this.list("args") as JsonValue[];
    if (first === undefined) return {};
    if (rest.length > 0 || typeof first !== "object" || first === null || Array.isArray(first)) {
      throw new BadFrame(`${this.what}: args must be an array with one object.`);
    }
    return first;
  }

  timestamp(name: string): bigint | null {
    const value = this.#fields[name];
    if (value === undefined || value === null) return null;
    const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
    if (bytes.length !== 8) throw new BadFrame(`${this.what}: ${name} must be base64 of eight bytes.`);
    return bytes.readBigUInt64LE(0);
  }
}
