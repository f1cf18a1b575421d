// A webhook receiver for tests: a real HTTP server that keeps what arrived and answers as it is told to.
import type { LinearUnderTest } from "./linear.ts";

export interface Delivery {
  readonly rawBody: Buffer;
  readonly body: Record<string, unknown> & { readonly type: string; readonly action: string; readonly webhookTimestamp: number };
  readonly headers: Headers;
  readonly atMs: number;
}

export interface Receiver {
  readonly url: string;
  readonly deliveries: Delivery[];
  /** The statuses of the next answers; 200 after they are used up. */
  readonly answers: number[];
  /** Waits until `isEnough` holds of what has arrived. @throws after 4 s, telling what did arrive */
  readonly until: (isEnough: (deliveries: readonly Delivery[]) => boolean) => Promise<readonly Delivery[]>;
  readonly stop: () => Promise<void>;
}

export function aReceiver(): Receiver {
  const deliveries: Delivery[] = [];
  const answers: number[] = [];
  const waiting = new Set<() => void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const rawBody = Buffer.from(await request.arrayBuffer());
      deliveries.push({ rawBody, body: JSON.parse(rawBody.toString()), headers: request.headers, atMs: Date.now() });
      for (const look of waiting) look();
      return new Response("ok", { status: answers.shift() ?? 200 });
    },
  });
  const until: Receiver["until"] = (isEnough) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        waiting.delete(look);
      };
      const look = () => {
        if (!isEnough(deliveries)) return;
        end();
        resolve(deliveries);
      };
      const timer = setTimeout(() => {
        end();
        reject(
          new Error(
            `not enough deliveries in 4 s: ${deliveries.map(({ body }) => `${body.type}.${body.action}`).join(", ") || "none"}`,
          ),
        );
      }, 4_000);
      waiting.add(look);
      look();
    });
  return { url: `http://127.0.0.1:${server.port}/hook`, deliveries, answers, until, stop: () => server.stop(true) };
}

export const SECRET = "a webhook secret for tests only";

/** Points a webhook of the whole workspace at the receiver. @returns the webhook's id */
export async function subscribe(
  linear: LinearUnderTest,
  receiver: Receiver,
  resourceTypes: string[] = ["Issue", "Comment"],
): Promise<string> {
  const input = { url: receiver.url, secret: SECRET, resourceTypes, allPublicTeams: true };
  return (await linear.as("ada").createWebhook(input)).webhookId!;
}
