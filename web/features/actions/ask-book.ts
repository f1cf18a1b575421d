// What this person has asked for and what became of it, per actor, until the actor has taken it. Knows nothing of Convex or React.
//   K1. An ask shows at once, before the server has answered.
//   K2. An accepted ask ends when its actor has taken it. One that had no effect says why.
//   K3. A refusal, and what had no effect, stays until it is dismissed or the next ask.

import type { CommandName } from "./registry.ts";

type AskPhase =
  | { readonly kind: "asking" }
  /** Stored, and not taken yet; `held` says what stands in its way, when something does. */
  | { readonly kind: "asked"; readonly held: string | null }
  | { readonly kind: "refused"; readonly message: string }
  /** Taken, and nothing came of it. */
  | { readonly kind: "ignored"; readonly message: string };

/** What the server says came of a command. */
export type Outcome =
  | { readonly kind: "unknown" | "waiting" | "taken" }
  | { readonly kind: "held" | "ignored"; readonly reason: string };

export interface Ask {
  readonly command: CommandName;
  /** The one it was sent with. */
  readonly key: string;
  readonly askedAt: number;
  readonly phase: AskPhase;
}

export class AskBook {
  private readonly asks = new Map<string, Ask>();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  of(address: string): Ask | null {
    return this.asks.get(address) ?? null;
  }

  /** Sends and keeps book. Never rejects: a failure becomes a refusal. @param sentence reads the failure for a person */
  async ask(
    { address, key }: { readonly address: string; readonly key: string },
    command: CommandName,
    send: () => Promise<unknown>,
    sentence: (error: unknown) => string,
    now: number = Date.now(),
  ): Promise<void> {
    const ask: Ask = { command, key, askedAt: now, phase: { kind: "asking" } };
    this.put(address, ask); // K1
    const ended = (phase: AskPhase) => {
      // A later ask has taken the place of this one.
      if (this.asks.get(address) === ask) this.put(address, { ...ask, phase });
    };
    try {
      await send();
      ended({ kind: "asked", held: null });
    } catch (error) {
      ended({ kind: "refused", message: sentence(error) });
    }
  }

  /** What has come of an ask; safe to repeat. */
  heard(address: string, key: string, outcome: Outcome): void {
    const ask = this.asks.get(address);
    if (ask?.key !== key || ask.phase.kind !== "asked") return;
    switch (outcome.kind) {
      case "unknown":
        return;
      case "waiting":
        if (ask.phase.held !== null) this.put(address, { ...ask, phase: { kind: "asked", held: null } });
        return;
      case "held":
        if (ask.phase.held !== outcome.reason) this.put(address, { ...ask, phase: { kind: "asked", held: outcome.reason } });
        return;
      case "taken":
        this.put(address, null); // K2
        return;
      case "ignored":
        this.put(address, { ...ask, phase: { kind: "ignored", message: outcome.reason } });
        return;
      default:
        outcome satisfies never;
    }
  }

  dismiss(address: string): void {
    this.put(address, null);
  }

  private put(address: string, ask: Ask | null): void {
    if (ask === null) this.asks.delete(address);
    else this.asks.set(address, ask);
    for (const listener of this.listeners) listener();
  }
}
