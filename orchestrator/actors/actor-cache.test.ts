import { describe, expect, test } from "bun:test";
import { ActorCache, type CachedActor } from "./actor-cache.ts";

const anActor = (chars: number, shard = 0) =>
  ({ id: "x", shard, sequence: 0, live: { snapshotJson: "x".repeat(chars) } }) as Partial<CachedActor> as CachedActor;
const kept = (cache: ActorCache, names: string) => [...names].filter((name) => cache.get(name)).join("");

describe("the actor cache", () => {
  test("keeps so many, and forgets whoever was not used for longest", () => {
    const cache = new ActorCache(3);
    for (const name of "abc") cache.set(name, anActor(10));
    cache.get("a");
    cache.set("d", anActor(10));
    expect(kept(cache, "abcd")).toBe("acd");
  });

  test("keeps so much, but always the one in hand; what grows, shrinks or goes is counted as it is", () => {
    const cache = new ActorCache(100, 100);
    for (const name of "abcd") cache.set(name, anActor(25));
    cache.set("d", anActor(50));
    expect(kept(cache, "abcd")).toBe("bcd");
    cache.set("e", anActor(1_000));
    expect(kept(cache, "abcde")).toBe("e");
    cache.drop("e");
    for (const name of "abcd") cache.set(name, anActor(25, 1));
    cache.dropShard(1);
    for (const name of "abcd") cache.set(name, anActor(25));
    expect(kept(cache, "abcde")).toBe("abcd");
  });
});
