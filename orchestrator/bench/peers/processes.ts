// The processes of a peer: begun with nothing of this process's environment, listened to line by line, killed by their own handle.

const LIMIT_MS = 120_000;

export class PeerProcess {
  private readonly child;
  private readonly counts = new Map<string, number>();
  private last = "";
  private readonly listeners = new Set<() => void>();

  constructor(words: readonly string[], cwd: string, variables: Readonly<Record<string, string>>) {
    const env = { PATH: process.env.PATH ?? "", HOME: cwd, ...variables };
    this.child = Bun.spawn([...words], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    void this.listen();
  }

  /** How often it has said a line. */
  said = (line: string): number => this.counts.get(line) ?? 0;

  /** @returns the last line said when `holds` @throws after two minutes */
  async until(what: string, holds: (peer: PeerProcess) => boolean): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (holds(this)) resolve();
    };
    this.listeners.add(look);
    look();
    const late = Bun.sleep(LIMIT_MS).then(() => {
      throw new Error(`two minutes have passed, and not: ${what}`);
    });
    await Promise.race([promise, late]);
    this.listeners.delete(look);
    return this.last;
  }

  get exited(): Promise<number> {
    return this.child.exited;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  private async listen(): Promise<void> {
    let rest = "";
    for await (const chunk of this.child.stdout) {
      const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.last = line;
        this.counts.set(line, this.said(line) + 1);
      }
      for (const look of this.listeners) look();
    }
  }
}

/** Free ports below those that the system hands to outgoing connections: a server that starts again finds its own still free. */
export function freePorts(count: number): number[] {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      void Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() }).stop(true);
      found.add(port);
    } catch {} // taken: another one
  }
  return [...found];
}
