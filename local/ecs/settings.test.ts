// The command line: what is understood, and what a person is told otherwise.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readSettings } from "./settings.ts";
import { tempDir } from "./testing/world.ts";

const read = (...argv: string[]) => readSettings(argv, "/usr/bin:/bin");

describe("the command line", () => {
  test("says everything there is to say", async () => {
    const dir = tempDir();
    const keyFile = join(dir.path, "key");
    await Bun.write(keyFile, "secret\n");
    const settings = read(
      ...[
        "--dir",
        "data",
        "--port",
        "0",
        "--image",
        'registry/omakase=1:x=["bun","run.ts","a=b"]',
        "--image-env",
        "A=1=2",
        "--image-env",
        "B=",
      ],
      ...[
        "--events-url",
        "http://localhost:8080/ecs",
        "--events-key-file",
        keyFile,
        "--events-status",
        "RUNNING",
        "--events-status",
        "STOPPED",
        "--vcpu",
        "2.5",
        "--run-task-per-second",
        "5",
        "--latency",
        "1,2,3",
      ],
    );
    dir.remove();
    expect(settings).toMatchObject({
      dir: "data",
      port: 0,
      images: { "registry/omakase=1:x": ["bun", "run.ts", "a=b"] },
      imageEnv: { A: "1=2", B: "" },
      events: { url: "http://localhost:8080/ecs", apiKey: "secret" },
      eventStatuses: ["RUNNING", "STOPPED"],
      vcpu: 2.5,
      runTaskPerSecond: 5,
      latency: { provisioningMs: 1, pendingMs: 2, stoppingMs: 3 },
    });
  });

  test("needs a folder and nothing else; the port is 4030", () => {
    expect(read("--dir", "data")).toMatchObject({ dir: "data", port: 4030, images: {} });
  });

  const wrong: [string[], RegExp][] = [
    [[], /--dir is missing/],
    [["--dir", "d", "--events-status", "ENDED"], /--events-status takes a task's status/],
    [["--dir", "d", "--image", "name"], /--image takes <name>=<JSON list/],
    [["--dir", "d", "--image", "name=[]"], /--image takes/],
    [["--dir", "d", "--image", 'name=["a",1]'], /--image takes/],
    [["--dir", "d", "--image-env", "=x"], /NAME=VALUE/],
    [["--dir", "d", "--port", "70000"], /--port takes a number from 0 to 65535, not "70000"/],
    [["--dir", "d", "--vcpu", "many"], /--vcpu takes a number/],
    [["--dir", "d", "--latency", "1,2"], /three times in ms/],
    [["--dir", "d", "--events-url", "http://x"], /belong together/],
    [["--dir", "d", "--events-url", "http://x", "--events-key-file", "/none/key"], /cannot be used/],
    [["--dir", "d", "--colour"], /colour/],
  ];
  for (const [argv, message] of wrong) {
    test(`refuses ${argv.join(" ") || "nothing at all"}`, () => expect(() => read(...argv)).toThrow(message));
  }
});
