// Reads a running Omakase as a signed-in person does: through the public Convex functions, with the stock clients.

import type { Launch } from "@omakase/local-launcher/launch";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { FunctionReturnType } from "convex/server";
import { api } from "../../convex/_generated/api.js";
import { signIn } from "./sign-in.ts";

export type Card = FunctionReturnType<typeof api.features.board>["cards"][number];
export type Feature = NonNullable<FunctionReturnType<typeof api.features.get>>;
export type Transition = FunctionReturnType<typeof api.transitions.ofFeature>["page"][number];

export const PROJECT = `${SAMPLE.organization}/${SAMPLE.project}`;

export class Reader {
  private constructor(
    private readonly http: ConvexHttpClient,
    private readonly socket: ConvexClient,
  ) {}

  static async signedIn(launch: Launch, name: string): Promise<Reader> {
    const token = await signIn(launch, name);
    const { url } = launch.stack.convex;
    const http = new ConvexHttpClient(url, { skipConvexDeploymentUrlCheck: true, logger: false });
    http.setAuth(token);
    const socket = new ConvexClient(url, { skipConvexDeploymentUrlCheck: true, logger: false });
    socket.setAuth(async () => token);
    return new Reader(http, socket);
  }

  /** Resolves with the first board that `holds`. @throws when none has come within `timeoutMs`, saying where the cards are */
  async boardWhere(holds: (cards: readonly Card[]) => boolean, timeoutMs: number): Promise<readonly Card[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Card[]>();
    let last: readonly Card[] = [];
    const end = this.socket.onUpdate(
      api.features.board,
      { project: PROJECT },
      ({ cards }) => {
        last = cards;
        if (holds(cards)) resolve(cards);
      },
      reject,
    );
    const timer = setTimeout(() => {
      const where = last.map(({ key, state, failure }) => `${key} ${state}${failure ? ` (${failure})` : ""}`).join(", ");
      reject(new Error(`not within ${timeoutMs / 1000} s; the board has: ${where || "no cards"}`));
    }, timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  async feature(key: string): Promise<Feature> {
    const feature = await this.http.query(api.features.get, { project: PROJECT, key });
    if (!feature) throw new Error(`there is no feature ${key}`);
    return feature;
  }

  /** Every step of a feature and its agents, oldest first. */
  async transitions(feature: string): Promise<readonly Transition[]> {
    const all: Transition[] = [];
    let cursor: string | null = null;
    do {
      const page: FunctionReturnType<typeof api.transitions.ofFeature> = await this.http.query(api.transitions.ofFeature, {
        feature,
        paginationOpts: { numItems: 200, cursor },
      });
      all.push(...page.page);
      cursor = page.isDone ? null : page.continueCursor;
    } while (cursor !== null);
    return all.reverse();
  }

  async close(): Promise<void> {
    await this.socket.close();
  }
}
