import { describe, expect, test } from "bun:test";
import { reach } from "./play.ts";
import { type Act, allPassed, bash, fault, finish, type Outcome, type Scene, say, write } from "./script.ts";

const SCENE: Scene = { role: "tester", ticket: "OMA-1", round: 1, prompt: "" };
const ok = (text = ""): Outcome => ({ text, isError: false });
const failed = (text = ""): Outcome => ({ text, isError: true });
const verdict = (passed: boolean) =>
  finish({ verdict: passed ? ("pass" as const) : ("fail" as const), summary: "", command: "", evidence: [] });

const tester: Act<"tester"> = function* () {
  const tests = yield bash("bun test");
  yield verdict(allPassed(tests));
};

describe("a script", () => {
  test("L1: reaches the step its outcomes lead to, however often it is asked", () => {
    const green = [ok(" 3 pass\n 0 fail\n")];
    expect(reach(tester, SCENE, [])).toMatchObject({ turn: 0, step: { tool: "Bash" } });
    expect(reach(tester, SCENE, green)).toMatchObject({ turn: 1, step: { result: { verdict: "pass" } } });
    expect(reach(tester, SCENE, green)).toEqual(reach(tester, SCENE, green));
  });

  test.each([
    ["a failing test", failed("Exit code 1\n 2 pass\n 1 fail\n")],
    ["no test at all", ok(" 0 pass\n 0 fail\n")],
    ["a refused command", failed("Permission to use Bash has been denied")],
    ["a test whose name says it all", ok("(pass) 0 fail\n 1 pass\n 10 fail\n")],
  ])("does not take %s for success", (_, outcome) => {
    expect(reach(tester, SCENE, [outcome])).toMatchObject({ step: { result: { verdict: "fail" } } });
  });

  test("says it is done when a client goes on after the end", () => {
    expect(reach(tester, SCENE, [ok(), ok("accepted")]).step).toEqual({ kind: "say", text: "Done." });
  });

  test("stays at plain text, which ends a run: a nudge is no tool result", () => {
    const talker: Act<"tester"> = function* () {
      yield say("I would rather not.");
      yield bash("true");
    };
    expect(reach(talker, SCENE, []).step).toEqual({ kind: "say", text: "I would rather not." });
  });

  test("writes a file it may not overwrite by reading it first", () => {
    const writer: Act<"tester"> = function* () {
      yield* write("a.txt", "a");
      yield say("written");
    };
    const tools = [[], [failed("File has not been read yet")], [failed(), ok()], [failed(), ok(), ok()], [ok()]].map(
      (outcomes) => {
        const { step } = reach(writer, SCENE, outcomes);
        return step.kind === "use" ? step.tool : step.kind;
      },
    );
    expect(tools).toEqual(["Write", "Read", "Write", "say", "say"]);
  });
});

describe("a fault", () => {
  const overloadedTwice: Act<"tester"> = function* () {
    yield fault({ kind: "status", status: 529 }, 2);
    yield* tester(SCENE);
  };
  const spentAfter = (count: number) => (_: number, times: number) => count >= times;

  test("happens as often as it says, and then the script goes on at the same turn", () => {
    expect(reach(overloadedTwice, SCENE, [], spentAfter(1)).step.kind).toBe("fault");
    expect(reach(overloadedTwice, SCENE, [], spentAfter(2))).toMatchObject({ turn: 0, step: { kind: "use" } });
    expect(reach(overloadedTwice, SCENE, [ok(" 1 pass\n 0 fail")], spentAfter(2))).toMatchObject({
      step: { result: { verdict: "pass" } },
    });
  });

  test("without a number happens for ever", () => {
    const dead: Act<"tester"> = function* () {
      yield fault({ kind: "status", status: 500 });
      yield bash("true");
    };
    expect(reach(dead, SCENE, [], spentAfter(1_000)).step.kind).toBe("fault");
  });

  test("that is nonsense is answered by a refusal, and the script goes on after it", () => {
    const confused: Act<"tester"> = function* () {
      yield fault({ kind: "nonsense" });
      yield verdict(false);
    };
    expect(reach(confused, SCENE, [failed("schema")])).toMatchObject({ turn: 1, step: { kind: "finish" } });
  });

  test("that is an endless loop never ends", () => {
    const looping: Act<"tester"> = function* () {
      while (true) yield bash("true");
    };
    const outcomes = Array.from({ length: 500 }, () => ok());
    expect(reach(looping, SCENE, outcomes)).toMatchObject({ turn: 500, step: { tool: "Bash" } });
  });
});
