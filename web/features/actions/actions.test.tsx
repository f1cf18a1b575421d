import { describe, expect, test } from "bun:test";
import type { Action } from "@omakase/machines/view";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { ConvexError } from "convex/values";
import { Button } from "../../elements/Button.tsx";
import { HintProvider } from "../../elements/Hint.tsx";
import { refusalOf } from "../../elements/refusal.ts";
import { AskBook, type Outcome } from "./ask-book.ts";
import { CommandDialog } from "./CommandDialog.tsx";
import { COMMAND_NAMES, COMMANDS, commandsFor, reasonAgainst, type Target } from "./registry.ts";

const ALL_ACTIONS: Record<Action, true> = {
  start: true,
  pause: true,
  resume: true,
  stop: true,
  retry: true,
  cancel: true,
  approve: true,
  reject: true,
  archive: true,
};

const aTarget = (overrides: Partial<Target> = {}): Target => ({
  kind: "feature",
  address: "omakase/sample/oma-1",
  name: "OMA-1",
  label: "Writing code",
  actions: Object.keys(ALL_ACTIONS),
  ...overrides,
});

describe("the registry of commands", () => {
  test("every action a machine can accept has a command, and each command an actor it is for", () => {
    expect(new Set(COMMAND_NAMES.map((name) => COMMANDS[name].action))).toEqual(new Set(Object.keys(ALL_ACTIONS) as Action[]));
    expect([...commandsFor("project"), ...commandsFor("feature")].sort()).toEqual(
      [...COMMAND_NAMES, "pause" as const, "pauseNow" as const, "resume" as const].sort(),
    );
  });

  test.each([...COMMAND_NAMES])("%s: a viewer never may, a developer unless it needs an admin, an admin always", (name) => {
    const target = aTarget();
    expect(reasonAgainst(name, target, "viewer", true)).toContain("You are a viewer");
    const developer = reasonAgainst(name, target, "developer", true);
    if (COMMANDS[name].needs === "admin") expect(developer).toContain("Admins may");
    else expect(developer).toBeNull();
    expect(reasonAgainst(name, target, "admin", true)).toBeNull();
  });

  test.each([...COMMAND_NAMES])(
    "%s: is refused with the actor's state when its machine does not accept it, and while offline",
    (name) => {
      expect(reasonAgainst(name, aTarget({ actions: [] }), "admin", true)).toContain("Writing code");
      expect(reasonAgainst(name, aTarget(), "admin", false)).toContain("Offline");
    },
  );

  test("whatever cannot be taken back asks first, and its way out is named by its outcome", () => {
    for (const name of COMMAND_NAMES) {
      const { isIrreversible, question } = COMMANDS[name];
      if (isIrreversible) expect(question).not.toBeNull();
      expect(question?.dismiss ?? "Keep").not.toMatch(/^cancel$/i);
    }
  });
});

describe("a command's question", () => {
  const open = (command: "cancel" | "reject") => {
    const sent: unknown[] = [];
    const { question } = COMMANDS[command];
    if (question === null) throw new Error(`${command} asks nothing`);
    render(
      <HintProvider>
        <CommandDialog
          pending={{ command, question }}
          target={aTarget()}
          onConfirm={(...confirmed) => sent.push(confirmed)}
          onDismiss={() => sent.push("dismissed")}
          returnFocus={() => {}}
        />
      </HintProvider>,
    );
    return sent;
  };

  test("confirming a cancel sends it with the reason; the other button keeps the feature", () => {
    const sent = open("cancel");
    expect(screen.getByRole("alertdialog", { name: "Cancel OMA-1?" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Keep the feature" })).toBeTruthy();
    fireEvent.change(screen.getByRole("textbox"), { target: { value: "not wanted" } });
    fireEvent.click(screen.getByRole("button", { name: "Cancel feature" }));
    expect(sent).toEqual([["cancel", { text: "not wanted" }]]);
  });

  test("a rejection without a note is not sent", () => {
    const sent = open("reject");
    const confirm = screen.getByRole("button", { name: "Send back" });
    expect(confirm.getAttribute("aria-disabled")).toBe("true");
    fireEvent.click(confirm);
    const form = confirm.closest("form");
    if (form) fireEvent.submit(form);
    expect(sent).toEqual([]);
  });
});

describe("the book of asks", () => {
  const actor = { address: "o/p/f", key: "one" };
  const setup = () => {
    const book = new AskBook();
    const answer = Promise.withResolvers<void>();
    const asked = book.ask(actor, "pause", () => answer.promise, String, 0);
    const phase = () => book.of(actor.address)?.phase ?? null;
    const hear = (outcome: Outcome, key = actor.key) => book.heard(actor.address, key, outcome);
    return { book, answer, asked, phase, hear };
  };

  test("K1: an ask shows before the server has answered", () => {
    expect(setup().phase()).toEqual({ kind: "asking" });
  });

  test("K2: an accepted ask stays until its actor has taken it, and no longer; what holds it back is said", async () => {
    const { answer, asked, phase, hear } = setup();
    hear({ kind: "taken" }); // the server has not even answered
    answer.resolve();
    await asked;
    hear({ kind: "waiting" });
    expect(phase()).toEqual({ kind: "asked", held: null });
    hear({ kind: "held", reason: "It is parked" });
    expect(phase()).toEqual({ kind: "asked", held: "It is parked" });
    hear({ kind: "waiting" });
    expect(phase()).toEqual({ kind: "asked", held: null });
    hear({ kind: "taken" }, "another");
    expect(phase()).not.toBeNull();
    hear({ kind: "taken" });
    expect(phase()).toBeNull();
  });

  test("K2, K3: what had no effect says why, until it is dismissed", async () => {
    const { book, answer, asked, phase, hear } = setup();
    answer.resolve();
    await asked;
    hear({ kind: "ignored", reason: "It was over" });
    hear({ kind: "taken" });
    expect(phase()).toEqual({ kind: "ignored", message: "It was over" });
    book.dismiss(actor.address);
    expect(phase()).toBeNull();
  });

  test("K3: a refusal stays until it is dismissed", async () => {
    const { book, answer, asked, phase, hear } = setup();
    answer.reject("no");
    await asked;
    hear({ kind: "taken" });
    expect(phase()).toEqual({ kind: "refused", message: "no" });
    book.dismiss(actor.address);
    expect(phase()).toBeNull();
  });

  test("the answer to an earlier ask does not overwrite a later one", async () => {
    const { book, answer, asked } = setup();
    const later = Promise.withResolvers<void>();
    void book.ask(actor, "cancel", () => later.promise, String, 1);
    answer.reject("no");
    await asked;
    expect(book.of(actor.address)).toMatchObject({ command: "cancel", phase: { kind: "asking" } });
  });
});

describe("what Convex refuses", () => {
  test("is read by its code and its sentence", () => {
    expect(refusalOf(new ConvexError({ code: "refused", message: "OMA-1 does not accept start." }))).toEqual({
      code: "refused",
      message: "OMA-1 does not accept start.",
      requestId: null,
    });
  });

  test("anything else becomes a sentence with the request's id, never the raw text", () => {
    const { code, message, requestId } = refusalOf(new Error("[CONVEX M(x)] [Request ID: ab12] Server Error\n secret"));
    expect({ code, requestId }).toEqual({ code: "unknown", requestId: "ab12" });
    expect(message).not.toContain("secret");
  });
});

describe("a button that cannot be used", () => {
  test("stays focusable, says why, and does nothing", () => {
    let clicks = 0;
    render(
      <HintProvider>
        <Button disabledReason="Only admins may." onClick={() => clicks++}>
          Archive
        </Button>
      </HintProvider>,
    );
    const button = screen.getByRole("button", { name: "Archive" });
    act(() => button.focus());
    expect(document.activeElement).toBe(button);
    fireEvent.click(button);
    expect(clicks).toBe(0);
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(button.getAttribute("aria-description")).toBe("Only admins may.");
  });
});
