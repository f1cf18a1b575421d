// The second wall against secrets in what agents put out.

import { describe, expect, test } from "bun:test";
import { mask, maskDeep } from "./masking.ts";

describe("masking", () => {
  test.each([
    ["a GitHub token", `ghs_${"a1".repeat(20)}`],
    ["a GitHub token of the new, long kind", `ghs_12_${"a".repeat(20)}.${"b".repeat(40)}-c`],
    ["a fine-grained GitHub token", `github_pat_${"a".repeat(30)}`],
    ["an Anthropic key", `sk-ant-api03-${"a".repeat(30)}`],
    ["a Linear key", `lin_api_${"a".repeat(30)}`],
    ["an AWS key id", "AKIAABCDEFGHIJKLMNOP"],
    ["a JWT", `eyJhbGciOiJI.eyJzdWIiOiIx.${"s".repeat(20)}`],
    ["a private key", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"],
    ["a private key that was cut off", "-----BEGIN PRIVATE KEY-----\nabc"],
  ])("takes out %s", (_, secret) => {
    expect(mask(`before ${secret} after`)).toStartWith("before [masked]");
    expect(JSON.stringify(maskDeep({ a: [{ [secret]: secret }] }))).toBe('{"a":[{"[masked]":"[masked]"}]}');
  });

  test("leaves everything else", () => {
    const text = "commit 0123456789abcdef0123456789abcdef01234567 in https://github.com/o/r, sk-ant, AKIA";
    expect(mask(text)).toBe(text);
    expect(maskDeep({ n: 1, b: true, x: null, l: [text] })).toEqual({ n: 1, b: true, x: null, l: [text] });
  });

  test("cuts what is deeper than a stack may bear", () => {
    let deep: unknown = "end";
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(JSON.stringify(maskDeep(deep))).toContain("[too deep]");
  });
});
