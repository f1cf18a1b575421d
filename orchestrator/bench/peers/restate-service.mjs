// What Restate runs for `bun run bench:peers`: PORT in the environment. Says "resumed" on standard output for every sleeper that wakes.

import * as restate from "@restatedev/restate-sdk";

const work = restate.service({
  name: "work",
  handlers: {
    ping: async () => 1,
    steps: async (ctx, count) => {
      for (let step = 0; step < count; step++) await ctx.run(`step ${step}`, () => step);
    },
    sleep: async (ctx, ms) => {
      await ctx.run("asleep", () => void process.stdout.write("asleep\n"));
      await ctx.sleep(ms);
      await ctx.run("resumed", () => void process.stdout.write("resumed\n"));
    },
  },
});
await restate.serve({ services: [work], port: Number(process.env.PORT) });
