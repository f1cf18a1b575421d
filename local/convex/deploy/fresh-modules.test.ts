// Module state: kept here between calls unless asked otherwise, and how the mode for tests shows it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { startFixture } from "../testing/fixture-deployment.ts";

for (const freshModules of [false, true]) {
  describe(freshModules ? "with fresh modules" : "without", () => {
    let server: Awaited<ReturnType<typeof startFixture>>;
    let client: ConvexHttpClient;
    beforeAll(async () => {
      server = await startFixture({ freshModules });
      client = new ConvexHttpClient(server.url, { logger: false });
    });
    afterAll(() => server.stop());

    test(`a call ${freshModules ? "never sees" : "sees"} what an earlier one left in a module or in one they share (M3)`, async () => {
      const route = async () => Number(await (await fetch(`${server.siteUrl}/count`)).text());
      const seen = [
        await client.mutation(app.memory.countInMutation, {}),
        await client.mutation(app.memory.countInMutation, {}),
        await client.action(app.memory.countInAction, {}),
        await client.query(app.memory.countInQuery, {}),
        await route(),
        await route(),
      ];
      const kept = [[1, 1], [2, 2], [3, 3], [4, 4], 5, 6];
      expect<unknown>(seen).toEqual(freshModules ? [[1, 1], [1, 1], [1, 1], [1, 1], 1, 1] : kept);
    });

    test("functions, nested calls, jobs and errors work as ever", async () => {
      expect(await client.action(app.jobs.sum, { a: 2, b: 3 })).toBe(5);
      expect((await client.mutation(app.messages.sendWithFailingPart, { channel: "nested" })).caught).toEqual({ code: "inner" });
      await expect(client.query(app.surroundings.throwText, {})).rejects.toThrow("Uncaught just text");
      expect(await client.query(app.surroundings.clock, {})).toEqual({ moved: 0, dated: 0, isDate: true });
    });
  });
}
