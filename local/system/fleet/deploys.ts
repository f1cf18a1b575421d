// Rolling deploys under load: a new orchestrator joins, the oldest is told to end, again and again, while Linear's webhooks come in.

import { createHmac, randomUUID } from "node:crypto";
import { Reader } from "../watch.ts";
import type { Fleet } from "./fleet.ts";

export interface DeployReport {
  /** Per deploy: from SIGTERM until every shard of the old one was loaded by another, ms. */
  readonly handOverMs: readonly number[];
  readonly deliveries: number;
  /** Everything but 200, as "status text". */
  readonly refused: readonly string[];
  readonly answerP99Ms: number;
  /** What the steps stored differ from what was acknowledged, in words. */
  readonly faults: readonly string[];
}

const ISSUES = 8;

/** @param everyMs between two deliveries of one issue */
export async function rollingDeploys(fleet: Fleet, count: number, everyMs = 50): Promise<DeployReport> {
  const senders = Array.from({ length: ISSUES }, (_, index) => new Sender(fleet, `OMA-${800 + index}`));
  const running = senders.map((sender) => sender.run(everyMs));
  const handOverMs: number[] = [];
  for (let deploy = 0; deploy < count; deploy++) {
    const old = [...fleet.members];
    const next = await fleet.join();
    await fleet.shared();
    for (const member of old.slice(0, 1)) handOverMs.push(await fleet.retire(member));
    await fleet.shared([...fleet.members].includes(next) ? fleet.members : []);
  }
  for (const sender of senders) sender.isOver = true;
  await Promise.all(running);
  const took = senders.flatMap(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return {
    handOverMs,
    deliveries: took.length,
    refused: senders.flatMap(({ refused }) => refused),
    answerP99Ms: took[Math.floor(took.length * 0.99)] ?? 0,
    faults: await faultsOf(fleet, senders),
  };
}

/** Every acknowledged delivery is one step of its feature, in order, and the last one is what the board shows. */
async function faultsOf(fleet: Fleet, senders: readonly Sender[]): Promise<string[]> {
  const reader = await Reader.signedIn(fleet.stack.launch, "Dana");
  try {
    const lastOf = (key: string) => senders.find((sender) => sender.key === key)?.acknowledged.at(-1);
    const isShown = (cards: readonly { key: string; title: string }[]) =>
      senders.every(({ key }) => cards.some((card) => card.key === key && card.title === lastOf(key)));
    const cards = await reader.boardWhere(isShown, 20_000);
    const faults: string[] = [];
    for (const { key, acknowledged } of senders) {
      const address = cards.find((card) => card.key === key)?.address ?? "";
      const steps = (await reader.transitions(address)).filter(({ eventType }) => eventType === "ticket.changed");
      if (steps.length !== acknowledged.length) faults.push(`${key}: ${acknowledged.length} acknowledged, ${steps.length} steps`);
    }
    return faults;
  } finally {
    await reader.close();
  }
}

/** One issue that is edited all the time, and what came of each delivery. */
class Sender {
  isOver = false;
  readonly acknowledged: string[] = [];
  readonly refused: string[] = [];
  readonly tookMs: number[] = [];
  private readonly id = randomUUID();
  private readonly from = Date.now();

  constructor(
    private readonly fleet: Fleet,
    readonly key: string,
  ) {}

  async run(everyMs: number): Promise<void> {
    for (let edit = 1; !this.isOver; edit++) {
      const at = performance.now();
      await this.deliver(edit);
      this.tookMs.push(performance.now() - at);
      await Bun.sleep(everyMs);
    }
  }

  private async deliver(edit: number): Promise<void> {
    const title = `${this.key} edit ${edit}`;
    const { launch } = this.fleet.stack;
    const body = JSON.stringify({
      type: "Issue",
      action: "update",
      createdAt: new Date().toISOString(),
      webhookTimestamp: Date.now(),
      data: {
        id: this.id,
        identifier: this.key,
        title,
        description: "",
        url: `http://localhost/issue/${this.key}`,
        priority: 0,
        labels: [],
        updatedAt: new Date(this.from + edit).toISOString(),
        state: { id: "s", name: "Backlog", type: "backlog" },
        team: { id: "0a000000-0000-4000-8000-000000000010", key: "OMA", name: "Omakase" },
      },
    });
    const signature = createHmac("sha256", launch.secrets.linearWebhookSecret).update(body).digest("hex");
    const headers = { "content-type": "application/json", "linear-signature": signature, "linear-delivery": randomUUID() };
    const answer = await fetch(`${launch.stack.urls.orchestrator}/webhooks/linear`, { method: "POST", body, headers });
    const said = await answer.text();
    if (answer.status === 200) this.acknowledged.push(title);
    else this.refused.push(`${answer.status} ${said.slice(0, 200)}`);
  }
}
