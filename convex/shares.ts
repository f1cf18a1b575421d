// How the shards are shared among the orchestrators that are alive. Pure, so that every one of them and every test comes to the same.

/**
 * How many shards each owner is to have, given how many it has: as equal as whole numbers allow. Of those who may have one more,
 * whoever has most keeps it (then the first by name): nothing moves between equals.
 */
export function fairShares(owned: ReadonlyMap<string, number>, shards: number): ReadonlyMap<string, number> {
  const order = [...owned].sort(([a, has], [b, hasToo]) => hasToo - has || (a < b ? -1 : 1));
  const least = Math.floor(shards / Math.max(1, order.length));
  const withOneMore = shards - least * order.length;
  return new Map(order.map(([name], index) => [name, least + (index < withOneMore ? 1 : 0)]));
}
