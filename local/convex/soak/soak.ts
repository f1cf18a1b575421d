// Hours of a small team's use in fast-forward: people who write, watch, schedule and come back, on a server whose clock runs ahead.
//   S1. Between two stretches of use more time goes by than anything is kept; what they leave behind is then gone or used again, so
//       neither memory nor the file grows from the first stretch to the last.
//   S2. A write is seen by whoever watches, through every reconnect: the last word of each channel arrives everywhere.
import { resolve } from "node:path";
import { ConvexClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { eventually, metric, pushFixture, tempDir } from "../testing/fixture-deployment.ts";

export interface Footprint {
  readonly rssMb: number;
  /** Of JavaScript, after a full collection. */
  readonly heapMb: number;
  /** The database, what still lies in its log included. */
  readonly fileMb: number;
  /** SQLite's log and the journal, beside the file. */
  readonly logMb: number;
}

export interface SoakPlan {
  readonly people: number;
  readonly stretches: number;
  readonly mutationsPerStretch: number;
  /** Simulated time of all stretches together, ms. */
  readonly usedMs: number;
}

export interface SoakReport {
  readonly mutations: number;
  readonly callbacks: number;
  readonly reconnects: number;
  /** Answers of mutations and ended jobs that retention removed. */
  readonly forgotten: number;
  /** After each stretch and the time that went by after it. */
  readonly footprints: readonly Footprint[];
  /** The largest log seen at the end of a stretch, MB. */
  readonly largestLogMb: number;
}

/** Longer than anything is kept: answers of mutations, 14 days. */
const ABSENCE_MS = 16 * 86_400_000;
const CHANNELS = 10;
const KEPT_PER_PERSON = 40;
/** Time moves on once for this many mutations. */
const TICK = 100;
/** A person comes back under a new connection after about this many of their own mutations. */
const RECONNECT_EVERY = 200;

export async function soak(plan: SoakPlan, tell: (line: string) => void = () => {}): Promise<SoakReport> {
  const { dir, remove } = tempDir();
  const server = await SoakServer.start(dir);
  try {
    await pushFixture(server.url);
    const people = Array.from({ length: plan.people }, (_, at) => new Person(server.url, at));
    const footprints: Footprint[] = [];
    let largestLogMb = 0;
    let mutations = 0;
    const tickMs = (plan.usedMs * TICK) / (plan.stretches * plan.mutationsPerStretch);
    for (let stretch = 0; stretch < plan.stretches; stretch++) {
      let left = plan.mutationsPerStretch;
      await Promise.all(
        people.map(async (person) => {
          while (left-- > 0) {
            await person.act();
            if (++mutations % TICK === 0) await server.ask(`advance ${tickMs}`);
          }
        }),
      );
      await lastWords(people, stretch);
      largestLogMb = Math.max(largestLogMb, (await server.measure()).logMb);
      await server.ask(`advance ${ABSENCE_MS}`);
      await server.untilForgotten();
      const footprint = await server.measure();
      footprints.push(footprint);
      tell(`soak: stretch ${stretch + 1}, ${mutations} mutations: ${JSON.stringify(footprint)}`);
    }
    const callbacks = people.reduce((sum, person) => sum + person.callbacks, 0);
    const reconnects = people.reduce((sum, person) => sum + person.reconnects, 0);
    await Promise.all(people.map((person) => person.leave()));
    return { mutations, callbacks, reconnects, forgotten: await server.forgotten(), footprints, largestLogMb };
  } finally {
    await server.stop();
    remove();
  }
}

/** Why the report shows growth, in words; empty when it shows none (S1). */
export function growth({ mutations, forgotten, footprints, largestLogMb }: SoakReport): string[] {
  const first = footprints[0];
  const last = footprints.at(-1);
  if (first === undefined || last === undefined) return ["nothing was measured"];
  const faults: string[] = [];
  const check = (what: string, from: number, to: number, share: number, slackMb: number): void => {
    if (to > from * share + slackMb) faults.push(`${what} grew from ${from.toFixed(1)} to ${to.toFixed(1)} MB`);
  };
  check("the heap", first.heapMb, last.heapMb, 1.1, 4);
  check("resident memory", first.rssMb, last.rssMb, 1.2, 40);
  check("the file", first.fileMb, last.fileMb, 1.2, 2);
  if (forgotten < mutations) faults.push(`retention removed ${forgotten} answers of ${mutations}`);
  if (largestLogMb > 100) faults.push(`the log reached ${largestLogMb.toFixed(1)} MB`);
  return faults;
}

/** S2: everybody writes a last word, and everybody sees the last words of the channels they watch. */
async function lastWords(people: readonly Person[], stretch: number): Promise<void> {
  const words = new Map<string, string>();
  for (const person of people) {
    const word = `last word of stretch ${stretch} by ${person.name}`;
    await person.say(word);
    words.set(person.channel, word);
  }
  for (const person of people) {
    await eventually(() => person.newest === words.get(person.channel), `${person.name} sees the last word of ${person.channel}`);
  }
}

/** One person: a client, three queries, and messages of their own of which they keep the newest. */
class Person {
  callbacks = 0;
  reconnects = 0;
  /** The newest message of the channel as last seen. */
  newest = "";
  readonly name: string;
  readonly channel: string;
  #client: ConvexClient;
  #acts = 0;
  readonly #own: string[] = [];

  constructor(
    private readonly url: string,
    private readonly at: number,
  ) {
    this.name = `person ${at}`;
    this.channel = `channel-${at % CHANNELS}`;
    this.#client = this.#connect();
  }

  /** One mutation, and now and then a new connection. */
  async act(): Promise<void> {
    this.#acts += 1;
    if (this.#acts % RECONNECT_EVERY === this.at % RECONNECT_EVERY) {
      this.reconnects += 1;
      await this.#client.close();
      this.#client = this.#connect();
    }
    const oldest = this.#own.length > KEPT_PER_PERSON ? this.#own.shift() : undefined;
    if (oldest !== undefined) await this.#client.mutation(app.messages.remove, { id: oldest });
    else if (this.#acts % 20 === 0) await this.#client.mutation(app.jobs.failLater, {});
    else if (this.#acts % 4 === 0) await this.#client.mutation(app.counters.increment, { name: this.channel });
    else await this.say(`Message ${this.#acts} of ${this.name}, about as long as what people write to each other.`);
  }

  async say(body: string): Promise<void> {
    this.#own.push(await this.#client.mutation(app.messages.send, { channel: this.channel, body }));
  }

  async leave(): Promise<void> {
    await this.#client.close();
  }

  #connect(): ConvexClient {
    const client = new ConvexClient(this.url, { logger: false, skipConvexDeploymentUrlCheck: true });
    const heard = () => {
      this.callbacks += 1;
    };
    client.onUpdate(app.messages.latest, { channel: this.channel, count: 20 }, ([newest]) => {
      heard();
      this.newest = newest?.body ?? "";
    });
    client.onUpdate(app.counters.get, { name: this.channel }, heard);
    client.onUpdate(app.messages.latest, { channel: `channel-${(this.at + 1) % CHANNELS}`, count: 5 }, heard);
    return client;
  }
}

class SoakServer {
  private constructor(
    readonly url: string,
    private readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async start(dir: string): Promise<SoakServer> {
    const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "server.ts"), dir], {
      env: { PATH: process.env.PATH ?? "", HOME: dir },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = linesOf(child.stdout);
    const { url } = JSON.parse(String((await lines.next()).value)) as { url: string };
    return new SoakServer(url, child, lines);
  }

  #asking: Promise<unknown> = Promise.resolve();

  /** One line to the server, one back; in the order they are asked. */
  ask(line: string): Promise<string> {
    const answer = this.#asking.then(async () => {
      this.child.stdin.write(`${line}\n`);
      await this.child.stdin.flush();
      return String((await this.lines.next()).value);
    });
    this.#asking = answer;
    return answer;
  }

  async measure(): Promise<Footprint> {
    return JSON.parse(await this.ask("measure")) as Footprint;
  }

  async forgotten(): Promise<number> {
    return metric(this.url, "convex_forgotten_total");
  }

  /** Until retention has looked for a while without finding anything. */
  async untilForgotten(): Promise<void> {
    let before = -1;
    const isQuiet = async (): Promise<boolean> => {
      const now = await this.forgotten();
      const isSame = now === before;
      before = now;
      await Bun.sleep(QUIET_MS);
      return isSame;
    };
    await eventually(isQuiet, "retention comes to an end", 120_000);
  }

  async stop(): Promise<void> {
    this.child.stdin.end();
    await this.child.exited;
  }
}

/** Some tens of steps of retention. */
const QUIET_MS = 700;

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
}
