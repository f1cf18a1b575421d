// Sixteen stock clients on a real server process: is what they saw strictly serialisable? checker.test.ts says what the checker can see.
import { expect, test } from "bun:test";
import { startProofServer } from "../proof-app.ts";
import { check } from "./checker.ts";
import { runWorkload } from "./workload.ts";

const OPERATIONS = 20_000;

test(`${OPERATIONS} operations of 16 clients, HTTP and WebSocket: no cycle, nothing lost, nothing stale`, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`serialisability: seed ${seed}`);
  const server = await startProofServer();
  try {
    const history = await runWorkload({ url: server.url, clients: 16, operations: OPERATIONS, seed });
    expect(history.operationCount).toBeGreaterThanOrEqual(OPERATIONS);
    expect(check(history.txns).slice(0, 3)).toEqual([]);

    // The clients really met: a history of one client after the other would prove nothing.
    const timed = history.txns.filter((txn) => Number.isFinite(txn.invokedAtMs));
    const overlapping = timed.filter((txn, at) => txn.invokedAtMs < (timed[at - 1]?.completedAtMs ?? 0));
    expect(overlapping.length).toBeGreaterThan(timed.length / 2);
    for (const kind of ["http", "socket"])
      expect(history.txns.filter((txn) => txn.client.startsWith(kind)).length).toBeGreaterThan(1000);
    expect(history.txns.filter((txn) => txn.outcome === "aborted").length).toBeGreaterThan(100);
    expect(history.txns.filter((txn) => txn.follows !== undefined).length).toBeGreaterThan(500);

    // And had the last append been lost after all, this very history would have shown it.
    const forgetful = history.txns.map((txn) =>
      txn.client === "last reader"
        ? {
            ...txn,
            operations: txn.operations.map((each) => (each.kind === "read" ? { ...each, seen: each.seen.slice(0, -1) } : each)),
          }
        : txn,
    );
    expect(check(forgetful)).not.toEqual([]);
  } finally {
    await server.remove();
  }
}, 120_000);
