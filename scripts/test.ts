// `npm test [-- suite …]`: every suite but the proofs, which take minutes (`npm test -- proofs` runs those too), each in its own folder,
// with an environment of its own: nothing that lies in the shell (a key, a proxy, a service address) may reach a test. What a test
// prints behind "note: " (a seed) is shown even when all is well. Ends with one line: N passed, N failed.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SUITES, type Suite } from "./suites.ts";

const root = join(import.meta.dir, "..");
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => name !== "proofs" && !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(
    `no suite ${unknown.join(", ")}; there are: ${SUITES.map((suite) => suite.name).join(", ")}; and "proofs": everything`,
  );
  process.exit(2);
}
const suites = SUITES.filter((suite) =>
  wanted.length === 0 ? !suite.proof : wanted.includes("proofs") || wanted.includes(suite.name),
);

const reports = mkdtempSync(join(tmpdir(), "omakase-test-"));
const keep = ["PATH", "HOME", "LANG", "TMPDIR", "CI", "CHROMIUM"];
const environment = Object.fromEntries(keep.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])));

interface Outcome {
  readonly suite: Suite;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly output: string;
}

async function run(suite: Suite): Promise<Outcome> {
  const report = join(reports, `${suite.name.replaceAll("/", "-")}.xml`);
  const browser = suite.command.includes("playwright");
  const started = performance.now();
  const child = Bun.spawn(
    [...suite.command, ...(browser ? ["--reporter=line,junit"] : ["--reporter=junit", `--reporter-outfile=${report}`])],
    {
      cwd: join(root, suite.folder),
      env: { ...environment, NO_COLOR: "1", PLAYWRIGHT_JUNIT_OUTPUT_NAME: report },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const { tests, failures } = count(report);
  // A suite that ended badly without a failed test (it crashed, or ran nothing) counts as one failure.
  const failed = failures === 0 && (code !== 0 || tests === 0) ? 1 : failures;
  return { suite, passed: tests - failures, failed, seconds: (performance.now() - started) / 1000, output: out + err };
}

function count(report: string): { tests: number; failures: number } {
  try {
    const head = /<testsuites[^>]*>/.exec(readFileSync(report, "utf8"))?.[0] ?? "";
    const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
    return { tests: number("tests") - number("skipped"), failures: number("failures") + number("errors") };
  } catch {
    return { tests: 0, failures: 0 };
  }
}

/** What failed comes first: who reads a log that was cut must not be left with what passed. */
const withoutPassed = (output: string): string =>
  output
    .split("\n")
    .filter((line) => !/^(\(pass\) .*|\s*)$/.test(line))
    .filter((line, at, lines) => !(isHeading(line) && isHeading(lines[at + 1])))
    .join("\n");

/** The name of a test file, above its tests. */
const isHeading = (line: string | undefined): boolean => line !== undefined && /^\S+\.test\.tsx?:$/.test(line);

const outcomes: Outcome[] = [];
function tell(outcome: Outcome): void {
  outcomes.push(outcome);
  const mark = outcome.failed === 0 ? "ok  " : "FAIL";
  console.log(
    `${mark} ${outcome.suite.name.padEnd(16)} ${String(outcome.passed).padStart(4)} passed ${String(outcome.failed).padStart(3)} failed  ${outcome.seconds.toFixed(1).padStart(6)} s`,
  );
  for (const [note] of outcome.output.matchAll(/^note: .*$/gm)) console.log(`     ${note}`);
  if (outcome.failed > 0) console.log(withoutPassed(outcome.output).replace(/^/gm, "     | "));
}

const light = suites.filter((suite) => !suite.heavy);
const lanes = [0, 1].map(async () => {
  for (let next = light.shift(); next; next = light.shift()) tell(await run(next));
});
await Promise.all(lanes);
for (const suite of suites.filter((suite) => suite.heavy)) tell(await run(suite));

rmSync(reports, { recursive: true, force: true });
const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
