// The guards of docs/design/guarantees.md, each taken out by one change of the source, and the fast suite that has to notice. What is
// proved is the tests, not the code. A change that does not fit the source any more is an error: the guard has moved, move it here too.

export interface Mutant {
  readonly guard: string;
  /** Relative to the root. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** What has to fail, run in the root. */
  readonly suite: readonly string[];
}

const tests = (file: string) => ["test", "--bail", "--timeout", "60000", `./${file}`];
const SIMULATION = ["orchestrator/testing/simulate.ts", "--seeds", "2"];

export const MUTANTS: readonly Mutant[] = [
  {
    guard: "receipt: a delivery that was consumed is known when it comes again",
    file: "convex/mail.ts",
    from: "(await findMail(db, actor, key)) !== null || (await findReceipt(db, actor, key)) !== null",
    to: "(await findMail(db, actor, key)) !== null",
    suite: tests("convex/mailbox.test.ts"),
  },
  {
    guard: "receipt: a step that is stored answers its repeat",
    file: "convex/commit.ts",
    from: "if (receipt === null) {\n      if (step.source",
    to: "if (receipt !== undefined) {\n      if (step.source",
    suite: tests("convex/commit.test.ts"),
  },
  {
    guard: "sequence: a step computed on an old snapshot is a conflict",
    file: "convex/commit.ts",
    from: "if (actor.sequence !== expectedSequence) {",
    to: "if (actor.sequence < 0) {",
    suite: tests("convex/commit.test.ts"),
  },
  {
    guard: "row's word: a step on an event that was dropped meanwhile is refused",
    file: "convex/commit.ts",
    from: " || !isOfType(row.event, eventType)",
    to: "",
    suite: tests("convex/commit.test.ts"),
  },
  {
    guard: "epoch: who was replaced writes nothing",
    file: "convex/fence.ts",
    from: "if (current !== epoch) {",
    to: "if (row === null) {",
    suite: tests("convex/commit.test.ts"),
  },
  {
    guard: "client token: a launch is the same launch at every try",
    file: "orchestrator/ecs/performers.ts",
    from: "clientToken: clientToken(effectId),",
    to: "clientToken: clientToken(effectId + Math.random()),",
    suite: tests("orchestrator/ecs/performers.test.ts"),
  },
  {
    guard: "frozen payload: what is performed is what was stored",
    file: "orchestrator/actors/dispatcher.ts",
    from: "JSON.parse(effect.payload) as PerformedEffect",
    to: "{ ...JSON.parse(effect.payload), thawedAt: this.deps.clock.now() } as PerformedEffect",
    suite: SIMULATION,
  },
  {
    guard: "timer sequence: a timer of an earlier arming is stale",
    file: "convex/timers.ts",
    from: "if (row?.armedSequence !== armedSequence) return null;",
    to: "if (row === undefined) return null;",
    suite: tests("convex/commit.test.ts"),
  },
  {
    guard: "output gate: nothing is dispatched before its commit is stored",
    file: "orchestrator/actors/stepper.ts",
    from: "const answer = await this.send(batch.drafts);",
    to: `for (const { event, step, outcome } of batch.drafts)
      for (const effect of this.handOut(step.actor, step.expectedSequence + 1, outcome, event.holding)) this.deps.onEffect(effect, event.holding);
    const answer = await this.send(batch.drafts);`,
    suite: SIMULATION,
  },
  {
    guard: "counted tries: a count whose answer was lost is counted once",
    file: "convex/poison.ts",
    from: "if (before?.attempt === failure.attempt) return before;",
    to: "",
    suite: tests("convex/quarantine.test.ts"),
  },
  {
    guard: "rest: nothing of an actor overtakes its event that failed",
    file: "orchestrator/actors/trials.ts",
    from: "rest?.events.push(event);\n    return rest !== undefined;",
    to: "return rest === null;",
    suite: tests("orchestrator/actors/trials.test.ts"),
  },
  {
    guard: "settled once: the first answer of an effect stands",
    file: "convex/settling.ts",
    from: 'if (effect.state === "pending") return',
    to: "if (effect.state !== null) return",
    suite: tests("convex/settling.test.ts"),
  },
];
