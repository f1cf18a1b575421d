import { describe, expect, test } from "bun:test";
import { LaunchError, PORT_NAMES, readOptions } from "./options.ts";

const read = (argv: string[], env: Record<string, string> = {}) => readOptions("/somewhere", argv, env);
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof LaunchError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
};

describe("npm start's options", () => {
  test("without any, state lies beside package.json and the dashboard is at 3000", () => {
    const { stateDir, ports, fresh, web, real } = read([]);
    expect([stateDir, ports.web, fresh, web, real.size]).toEqual(["/somewhere/.omakase", 3000, false, true, 0]);
  });

  test("a port base gives every part a port of its own", () => {
    const ports = Object.values(read(["--port-base", "5100"]).ports);
    expect([...ports].sort()).toEqual(PORT_NAMES.map((_, index) => 5100 + index));
  });

  test("what is not an option is named, with the usage", () => {
    expect(refusal(() => read(["--frsh"]))).toContain('"--frsh" is not an option. Usage: npm start -- [--fresh]');
    expect(refusal(() => read(["--port-base", "80"]))).toContain("from 1024 to 65000");
    expect(refusal(() => read(["--state"]))).toContain("--state needs a value");
  });

  test("a key that lies in the shell is not used: nothing is real unless it is asked for by name", () => {
    const env = { ANTHROPIC_API_KEY: "sk-planted", LINEAR_API_KEY: "lin_planted", AWS_ACCESS_KEY_ID: "AKIAPLANTED" };
    expect(JSON.stringify([...read([], env).real])).toBe("[]");
  });

  test("a real service is asked for by its name, and says what it lacks", () => {
    expect(refusal(() => read([], { OMAKASE_MODEL: "anthropic" }))).toBe("OMAKASE_MODEL=anthropic also needs ANTHROPIC_API_KEY");
    expect(refusal(() => read([], { OMAKASE_LINEAR: "yes" }))).toContain("write OMAKASE_LINEAR=linear");
    const { real } = read([], { OMAKASE_MODEL: "anthropic", ANTHROPIC_API_KEY: "sk-mine", LINEAR_API_KEY: "lin_planted" });
    expect([...real]).toEqual([["OMAKASE_MODEL", { ANTHROPIC_API_KEY: "sk-mine" }]]);
  });
});
