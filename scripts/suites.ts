// Every suite of the project: where it runs and with what.

export interface Suite {
  readonly name: string;
  /** Relative to the root. */
  readonly folder: string;
  readonly command: readonly string[];
  /** Heavy suites start real stacks and have the machine to themselves. */
  readonly heavy: boolean;
}

const unit = (folder: string, heavy = false): Suite => ({
  name: folder,
  folder,
  command: ["bun", "test", "--timeout", "60000"],
  heavy,
});

export const SUITES: readonly Suite[] = [
  unit("machines"),
  unit("convex"),
  unit("web"),
  unit("local/identity"),
  unit("local/linear"),
  unit("local/github"),
  unit("local/model"),
  unit("local/sample"),
  unit("local/launcher"),
  unit("local/ecs", true),
  unit("local/convex", true),
  unit("agents", true),
  unit("orchestrator", true),
  { name: "system", folder: "local/system", command: ["bun", "test", "--timeout", "300000"], heavy: true },
  { name: "browser", folder: "web", command: ["bunx", "--bun", "playwright", "test"], heavy: true },
];
