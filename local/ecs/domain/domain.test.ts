// The rules without a world: sizes, states, rates.
import { describe, expect, test } from "bun:test";
import { fargateSize } from "./fargate.ts";
import { enter, type LastStatus, type TaskRecord } from "./task.ts";
import { TokenBucket } from "./token-bucket.ts";

describe("Fargate's sizes", () => {
  const sold: [string, string, number, number][] = [
    ["256", "512", 256, 512],
    ["256", "2048", 256, 2048],
    [".5 vCPU", "4 GB", 512, 4096],
    ["1 vCPU", "2GB", 1024, 2048],
    ["4096", "30720", 4096, 30_720],
    ["16384", "122880", 16_384, 122_880],
  ];
  for (const [cpu, memory, cpuUnits, memoryMiB] of sold) {
    test(`${cpu} CPU with ${memory} is sold`, () => expect(fargateSize(cpu, memory)).toEqual({ cpuUnits, memoryMiB }));
  }

  const notSold: [string | undefined, string | undefined][] = [
    ["256", "1536"],
    ["256", "4096"],
    ["512", "512"],
    ["1024", "2049"],
    ["8192", "17408"],
    ["300", "1024"],
    ["constructor", "1024"],
    ["1024", undefined],
    [undefined, undefined],
  ];
  for (const [cpu, memory] of notSold) {
    test(`${cpu} CPU with ${memory} memory is not`, () =>
      expect(() => fargateSize(cpu, memory)).toThrow(/No Fargate configuration/));
  }
});

describe("a task's states", () => {
  const ORDER: readonly LastStatus[] = [
    "PROVISIONING",
    "PENDING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
  ];
  const aTask = (lastStatus: LastStatus): TaskRecord =>
    ({ wire: { taskArn: "arn", lastStatus, version: 3, containers: [] } }) as unknown as TaskRecord;

  for (const from of ORDER) {
    test(`T1: nothing before ${from} may follow it, nor ${from} itself`, () => {
      for (const to of ORDER.slice(0, ORDER.indexOf(from) + 1)) expect(() => enter(aTask(from), to)).toThrow(/T1/);
    });
  }

  test("T1: each step raises the version by one", () => {
    expect(enter(aTask("PENDING"), "RUNNING").wire.version).toBe(4);
  });
});

describe("a rate limit", () => {
  test("gives the burst at once, then so many a second, and nothing for what does not fit", () => {
    let nowMs = 0;
    const bucket = new TokenBucket(20, 100, () => nowMs);
    expect(bucket.take(100)).toBeTrue();
    expect(bucket.take(1)).toBeFalse();
    nowMs = 500;
    expect(bucket.take(11)).toBeFalse();
    expect(bucket.take(10)).toBeTrue();
    nowMs = 3_600_000;
    expect(bucket.take(101)).toBeFalse();
    expect(bucket.take(100)).toBeTrue();
  });
});
