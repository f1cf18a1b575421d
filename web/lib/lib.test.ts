import { describe, expect, test } from "bun:test";
import { connectionOf } from "../features/shell/connection.ts";
import { contentSecurityPolicy, fixedHeaders } from "./security-headers.ts";
import { readSettings, SettingsError } from "./settings.ts";

const ENV = {
  CONVEX_URL: "http://localhost:3210/",
  ORCHESTRATOR_URL: "https://api.example.com",
  APP_BASE_URL: "https://o.example.com",
};

describe("the settings", () => {
  test("are read without trailing slashes", () => {
    expect(readSettings(ENV).convexUrl).toBe("http://localhost:3210");
  });

  test("name everything that is missing or wrong at once", () => {
    const read = () => readSettings({ ...ENV, CONVEX_URL: "", ORCHESTRATOR_URL: "javascript:alert(1)" });
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(/CONVEX_URL is not set; ORCHESTRATOR_URL is no http\(s\) address/);
  });
});

describe("the content security policy", () => {
  const policy = contentSecurityPolicy("n0nce", readSettings(ENV), false);
  const directive = (name: string) => policy.split("; ").find((line) => line.startsWith(`${name} `));

  test("lets the page talk to itself, Convex and the orchestrator, over both schemes, and to nobody else", () => {
    expect(directive("connect-src")).toBe(
      "connect-src 'self' http://localhost:3210 https://api.example.com ws://localhost:3210 wss://api.example.com",
    );
    expect(directive("default-src")).toBe("default-src 'self'");
    expect(directive("frame-ancestors")).toBe("frame-ancestors 'none'");
  });

  test("runs no script without this page's nonce, and evaluates no text", () => {
    expect(directive("script-src")).toBe("script-src 'self' 'nonce-n0nce' 'strict-dynamic'");
  });

  test("asks for https only where the dashboard is served by it", () => {
    expect(fixedHeaders(readSettings(ENV))["strict-transport-security"]).toBeDefined();
    const local = readSettings({ ...ENV, APP_BASE_URL: "http://localhost:3000" });
    expect(fixedHeaders(local)["strict-transport-security"]).toBeUndefined();
  });
});

describe("the live pill's state", () => {
  const lost = { isWebSocketConnected: false, hasEverConnected: true };
  test.each([
    [{ isWebSocketConnected: true, hasEverConnected: true }, null, 0, "live"],
    [{ isWebSocketConnected: false, hasEverConnected: false }, 0, 100, "connecting"],
    [lost, 0, 4_999, "reconnecting"],
    [lost, 0, 5_000, "offline"],
  ] as const)("%p lost at %p, seen at %p: %s", (facts, lostAt, now, kind) => {
    expect(connectionOf(facts, lostAt, now).kind).toBe(kind);
  });
});
