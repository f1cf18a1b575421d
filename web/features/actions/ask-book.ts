// What this person has asked for and what became of it, per actor, until the actor moves. Knows nothing of Convex or React.
//   K1. An ask shows at once, before the server has answered.
//   K2. An accepted ask ends when the actor has taken a step since it was asked.
//   K3. A refusal stays until it is dismissed or the next ask.

import type { CommandName } from "./registry.ts";

type AskPhase =
  | { readonly kind: "asking" }
  /** Stored; the actor has not moved yet. */
  | { readonly kind: "asked" }
  | { readonly kind: "refused"; readonly message: string };

export interface Ask {
  readonly command: CommandName;
  /** Of the actor, when it was asked. */
  readonly stamp: string;
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
    { address, stamp }: { readonly address: string; readonly stamp: string },
    command: CommandName,
    send: () => Promise<unknown>,
    sentence: (error: unknown) => string,
    now: number = Date.now(),
  ): Promise<void> {
    const ask: Ask = { command, stamp, askedAt: now, phase: { kind: "asking" } };
    this.put(address, ask); // K1
    const ended = (phase: AskPhase) => {
      // A later ask has taken the place of this one.
      if (this.asks.get(address) === ask) this.put(address, { ...ask, phase });
    };
    try {
      await send();
      ended({ kind: "asked" });
    } catch (error) {
      ended({ kind: "refused", message: sentence(error) });
    }
  }

  /** The actor as it is now; safe to repeat. */
  seen({ address, stamp }: { readonly address: string; readonly stamp: string }): void {
    const ask = this.asks.get(address);
    if (ask?.phase.kind === "asked" && ask.stamp !== stamp) this.put(address, null); // K2
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
