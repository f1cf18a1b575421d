// Longer runs, by hand:  bun proofs/histories/run.ts [operations = 200000] [seed = random]
import { startProofServer } from "../proof-app.ts";
import { check } from "./checker.ts";
import { runWorkload } from "./workload.ts";

const [operations = "200000", chosen] = process.argv.slice(2);
const seed = chosen === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(chosen);
const server = await startProofServer();
try {
  const { txns, operationCount } = await runWorkload({ url: server.url, clients: 16, operations: Number(operations), seed });
  const findings = check(txns);
  console.log(JSON.stringify({ seed, operations: operationCount, transactions: txns.length, findings: findings.slice(0, 20) }));
  process.exitCode = findings.length === 0 ? 0 : 1;
} finally {
  await server.remove();
}
