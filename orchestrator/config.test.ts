// The settings.

import { describe, expect, test } from "bun:test";
import { ConfigError, readConfig } from "./config.ts";

const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${"a".repeat(64)}\n-----END RSA PRIVATE KEY-----`;
const env = (over: Record<string, string | undefined> = {}) => ({
  PUBLIC_URL: "http://us.test/",
  ORCHESTRATOR_SECRET: "s".repeat(32),
  WEB_ORIGIN: "http://web.test",
  CONVEX_URL: "http://convex.test",
  AUTH0_DOMAIN: "tenant.auth0.com",
  AUTH0_AUDIENCE: "https://api.test",
  AUTH0_M2M_CLIENT_ID: "client",
  AUTH0_M2M_CLIENT_SECRET: "secret-of-the-client",
  LINEAR_API_KEY: "lin_api_key",
  LINEAR_WEBHOOK_SECRET: "lin_wh_secret",
  GITHUB_APP_ID: "1",
  GITHUB_APP_PRIVATE_KEY: PEM,
  GITHUB_WEBHOOK_SECRET: "github-secret",
  AWS_REGION: "eu-central-1",
  ECS_CLUSTER: "omakase",
  ECS_TASK_DEFINITION: "agent",
  ECS_SUBNETS: "subnet-1, subnet-2",
  ECS_EVENTS_KEY: "events-key",
  ANTHROPIC_API_KEY: "sk-ant-key",
  ...over,
});
const fault = (over: Record<string, string | undefined>) => {
  try {
    readConfig(env(over));
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error("the settings were accepted");
};

describe("settings", () => {
  test("have the real services' addresses unless told otherwise", () => {
    const config = readConfig(env());
    expect([config.linear.apiUrl, config.github.apiUrl, config.github.webUrl, config.model.baseUrl]).toEqual([
      "https://api.linear.app/graphql",
      "https://api.github.com",
      "https://github.com",
      "https://api.anthropic.com",
    ]);
    expect([config.host, config.port, config.publicUrl]).toEqual(["127.0.0.1", 8080, "http://us.test"]);
    expect(config.ecs.subnets).toEqual(["subnet-1", "subnet-2"]);
  });

  test("name every bad variable, not just the first, and no secret's value", () => {
    const error = fault({
      ORCHESTRATOR_SECRET: "too-short-secret",
      CONVEX_URL: "ftp://x",
      PORT: "0",
      LINEAR_API_KEY: "",
      GITHUB_APP_PRIVATE_KEY: "x".repeat(80),
      AGENT_MODELS: '{"coder":"m"}',
    });
    expect(error).toBeInstanceOf(ConfigError);
    for (const name of [
      "ORCHESTRATOR_SECRET",
      "CONVEX_URL",
      "PORT",
      "LINEAR_API_KEY is not set",
      "GITHUB_APP_PRIVATE_KEY",
      "AGENT_MODELS",
    ]) {
      expect(error.message).toContain(name);
    }
    expect(error.message).not.toContain("too-short-secret");
    expect(error.message).not.toContain("xxxx");
  });

  test("make the issuer of a bare domain and of a local one, with its slash", () => {
    expect(readConfig(env()).identity.issuer).toBe("https://tenant.auth0.com/");
    expect(readConfig(env({ AUTH0_DOMAIN: "http://localhost:4400" })).identity.issuer).toBe("http://localhost:4400/");
  });

  test("take a key whose lines a secret store has joined", () => {
    expect(readConfig(env({ GITHUB_APP_PRIVATE_KEY: PEM.replaceAll("\n", "\\n") })).github.privateKey).toBe(PEM);
  });
});
