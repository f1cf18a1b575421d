// Preloaded into a server that is started again: its clock says it was down for six minutes. What waits for minutes to pass
// before it gives up on lost work (workpool: five) need not be waited for.
const AHEAD_MS = 6 * 60_000;
const nowMs = Date.now;

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [nowMs() + AHEAD_MS] : args, newTarget),
  apply: (target) => new target(nowMs() + AHEAD_MS).toString(),
  get: (target, name) => (name === "now" ? () => nowMs() + AHEAD_MS : Reflect.get(target, name)),
});
