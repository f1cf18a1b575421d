// What the sample repository promises before any agent has touched it.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SAMPLE_TICKETS } from "./tickets.ts";

const REPOSITORY = join(import.meta.dirname, "repository");

async function bunTest(...files: string[]): Promise<number> {
  const child = Bun.spawn(["bun", "test", ...files], {
    cwd: REPOSITORY,
    stdout: "ignore",
    stderr: "ignore",
    env: { PATH: process.env.PATH ?? "" },
  });
  return child.exited;
}

describe("the sample repository", () => {
  test("is green by itself, and a plain `bun test` leaves the acceptance files alone", async () => {
    expect(await bunTest()).toBe(0);
  });

  test.each(SAMPLE_TICKETS.map((ticket) => ticket.key))(
    "%s has an acceptance file, named in the ticket, that fails on main",
    async (key) => {
      const file = `./acceptance/${key.toLowerCase()}.ts`;
      expect(existsSync(join(REPOSITORY, file))).toBe(true);
      expect(SAMPLE_TICKETS.find((ticket) => ticket.key === key)?.description).toContain(`\`bun test ./test ${file}\``);
      expect(await bunTest("./test", file)).not.toBe(0);
    },
  );
});
