// Every suite of the project: where it runs and with what.

export interface Suite {
  readonly name: string;
  /** Relative to the root. */
  readonly folder: string;
  readonly command: readonly string[];
  /** Heavy suites start real stacks and have the machine to themselves. */
  readonly heavy: boolean;
  /** Proofs take minutes: they run when asked for by name, or all of them with `proofs` (as CI does). */
  readonly proof: boolean;
}

const unit = (folder: string, heavy = false, ...more: readonly string[]): Suite => ({
  name: folder,
  folder,
  command: ["bun", "test", "--timeout", "60000", ...more],
  heavy,
  proof: false,
});

/** Tests of one folder below a workspace, which its unit suite leaves out. */
const proof = (name: string, folder: string, ...patterns: readonly string[]): Suite => ({
  name,
  folder,
  command: ["bun", "test", "--timeout", "580000", ...patterns],
  heavy: true,
  proof: true,
});

const without = (...globs: readonly string[]) => globs.map((glob) => `--path-ignore-patterns=${glob}`);

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
  unit("local/convex", true, ...without("proofs/**", "power-loss.test.ts")),
  unit("agents", true),
  unit("orchestrator", true),
  {
    name: "system",
    folder: "local/system",
    command: ["bun", "test", "--timeout", "300000", ...without("chaos/**", "fleet/**", "storm.test.ts")],
    heavy: true,
    proof: false,
  },
  { name: "browser", folder: "web", command: ["bunx", "--bun", "playwright", "test"], heavy: true, proof: false },
  proof("histories", "local/convex", "proofs"),
  proof("power-loss", "local/convex", "power-loss"),
  proof("fleet", "local/system", "fleet", "storm"),
  proof("chaos", "local/system", "chaos"),
];
