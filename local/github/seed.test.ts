// What is there on the first start, made from real folders.
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, shell, TestGitHub } from "./contract/setup.ts";
import { StartError } from "./errors.ts";
import { startGitHub } from "./server.ts";

/** Two servers, each with a folder of the same content as the seed of `omakase/demo`. */
async function seeded(): Promise<TestGitHub> {
  const outside = new TestGitHub();
  const from = join(outside.dir, "sample");
  mkdirSync(join(from, "src"), { recursive: true });
  await shell(
    from,
    "echo 'ignored/' > .gitignore && mkdir ignored && echo no > ignored/file && echo run > src/run.sh && chmod +x src/run.sh && ln -s src link",
  );
  return outside.with({ repositories: [{ repository: "omakase/demo", from, description: "A sample" }] }).start();
}

describe("the seed", () => {
  test("a folder becomes the first commit, without what it ignores, with the same id every time", async () => {
    const [one, two] = [await seeded(), await seeded()];
    try {
      const first = (await one.app().repos.getCommit({ ...REPOSITORY, ref: "main" })).data;
      expect((await two.app().repos.getCommit({ ...REPOSITORY, ref: "main" })).data.sha).toBe(first.sha);
      expect(first.files?.map((file) => file.filename)).toEqual([".gitignore", "link", "src/run.sh"]);
      const folder = await one.clone();
      expect((await shell(folder, "test -x src/run.sh && readlink link")).out).toBe("src");
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });

  test("a second start leaves what people did since", async () => {
    const github = await seeded();
    try {
      const folder = await github.clone();
      const { out } = await shell(
        folder,
        "echo more > more && git add more && git commit -qm more && git push -q origin main && git rev-parse HEAD",
      );
      await github.restart();
      expect((await github.app().git.getRef({ ...REPOSITORY, ref: "heads/main" })).data.object.sha).toBe(out);
    } finally {
      await github.stop();
    }
  });

  test("a folder that is not there, a bad name, or a key that is none keep the server from starting, in one sentence", async () => {
    const github = new TestGitHub();
    const refused = async (change: object) => {
      const error = await startGitHub({ ...github.options(), ...change }).catch((caught) => caught);
      return error instanceof StartError ? [error.code, error.message.split("\n").length] : error;
    };
    try {
      expect(await refused({ repositories: [{ repository: "omakase/x", from: "/nowhere" }] })).toEqual(["BAD_SEED", 1]);
      expect(await refused({ repositories: [{ repository: "omakase" }] })).toEqual(["BAD_SEED", 1]);
      expect(await refused({ organisations: ["repos"] })).toEqual(["BAD_SEED", 1]);
      expect(await refused({ appPublicKey: "no key" })).toEqual(["BAD_OPTION", 1]);
      await github.start();
    } finally {
      await github.stop();
    }
  });
});
