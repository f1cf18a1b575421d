// Subscribers whom no write concerns, in a process of their own so that they do not slow the one that is measured. Stock clients.
// `bun bench/bystanders.ts <url> <subscriptions> <clients>`: prints `{"ready":true}` when every answer has come, and, once its input
// ends, how many answers came after that.
import { ConvexClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";

const [, , url = "", subscriptionsText = "0", clientsText = "1"] = process.argv;
const subscriptions = Number(subscriptionsText);
const clients = Array.from({ length: Number(clientsText) }, () => {
  return new ConvexClient(url, { logger: false, skipConvexDeploymentUrlCheck: true });
});
const answered = new Set<number>();
let callbacks = 0;
await new Promise<void>((resolve) => {
  if (subscriptions === 0) resolve();
  for (let at = 0; at < subscriptions; at++) {
    clients[at % clients.length]?.onUpdate(app.messages.latest, { channel: `bystander-${at}`, count: 5 }, () => {
      callbacks += 1;
      answered.add(at);
      if (answered.size === subscriptions) resolve();
    });
  }
});
const before = callbacks;
console.log(JSON.stringify({ ready: true }));
for await (const _ of process.stdin) {
  // nothing is said, only the end is waited for
}
console.log(JSON.stringify({ spurious: callbacks - before }));
await Promise.all(clients.map((client) => client.close()));
process.exit(0);
