// How long a system is warmed up before it is measured: the same for the host and for the peers beside it.

/**
 * Steps, 64 at a time. A server runs for days; what its first seconds cost is `firstAckMs`. Measured by 3,000 on two cores, the host's
 * rate rises by about a fifth over the first 12,000 and is level from then on; a peer that needs fewer loses nothing by more.
 */
export const WARM_STEPS = 12_000;
