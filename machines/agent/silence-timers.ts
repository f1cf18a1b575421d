// Which of an agent's timers measure how long nothing was heard of it or its task. While the host was away nothing could be heard:
// the host gives these a heartbeat's time after an outage of its own (docs/design/host.md). The wall clock of a run and a back-off
// measure time itself: an outage extends neither.

/** The delays by name, as `agent-machine.ts` has them. */
const OF_SILENCE: ReadonlySet<string> = new Set(["launchMs", "provisioningMs", "checkAfterMs", "reportGraceMs", "stopMs"]);

/** @param timerId as XState makes it: `xstate.after.<delay>.<state>` */
export function measuresSilence(timerId: string): boolean {
  const [, delay] = /^xstate\.after\.(\w+)\./.exec(timerId) ?? [];
  return delay !== undefined && OF_SILENCE.has(delay);
}
