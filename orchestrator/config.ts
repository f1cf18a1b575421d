// The settings, read once at start. Empty means unset.

import { hostname } from "node:os";
import { LEASE_TTL_MS } from "./actors/ownership.ts";
import { OmakaseError } from "./errors.ts";
import { RUN_TASK_PER_SECOND } from "./rates/launch-pace.ts";

export class ConfigError extends OmakaseError {
  readonly code = "config";
  readonly retryable = false;
}

const ROLE_NAMES = ["architect", "coder", "reviewer", "tester"] as const;

/** Claude model per role when AGENT_MODELS is unset: full ids, so that an alias cannot move under us (facts: services 1.2). */
const DEFAULT_MODELS = JSON.stringify({
  architect: "claude-opus-5-5",
  coder: "claude-sonnet-5-5",
  reviewer: "claude-opus-5-5",
  tester: "claude-sonnet-5-5",
});

export type Config = ReturnType<typeof readConfig>;

/** @throws {ConfigError} naming every bad variable, not just the first */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const read = new EnvReader(env);
  return read.finish({
    host: read.text("HOST", "127.0.0.1"),
    port: read.integer("PORT", 8080),
    /** Of this orchestrator among others: the same at every start of the same one, different for two that run at once. */
    name: read.text("ORCHESTRATOR_NAME", `${hostname()}:${env.PORT || 8080}`),
    /** After so long the others take a silent orchestrator's shards; each renews three times within it. */
    leaseTtlMs: read.integer("LEASE_TTL_MS", LEASE_TTL_MS),
    /** From SIGTERM on `/ready` says no, and what comes in is taken for so long: a load balancer's time to notice. */
    lingerMs: read.integer("INTAKE_LINGER_MS", 5_000),
    /** How an agent's container reaches us. */
    publicUrl: read.url("PUBLIC_URL"),
    secret: read.secret("ORCHESTRATOR_SECRET", 32),
    /** Of the operator's command line; empty: there is no operator. */
    operatorKey: read.secret("OPERATOR_KEY", 32, ""),
    webOrigin: read.url("WEB_ORIGIN"),
    convexUrl: read.url("CONVEX_URL"),
    identity: {
      issuer: issuerOf(read.text("AUTH0_DOMAIN")),
      audience: read.text("AUTH0_AUDIENCE"),
      clientId: read.text("AUTH0_M2M_CLIENT_ID"),
      clientSecret: read.secret("AUTH0_M2M_CLIENT_SECRET", 8),
    },
    linear: {
      apiUrl: read.url("LINEAR_API_URL", "https://api.linear.app/graphql"),
      apiKey: read.secret("LINEAR_API_KEY", 8),
      webhookSecret: read.secret("LINEAR_WEBHOOK_SECRET", 8),
    },
    github: {
      apiUrl: read.url("GITHUB_API_URL", "https://api.github.com"),
      webUrl: read.url("GITHUB_URL", "https://github.com"),
      appId: read.text("GITHUB_APP_ID"),
      privateKey: read.pem("GITHUB_APP_PRIVATE_KEY"),
      webhookSecret: read.secret("GITHUB_WEBHOOK_SECRET", 8),
    },
    ecs: {
      region: read.text("AWS_REGION"),
      cluster: read.text("ECS_CLUSTER"),
      taskDefinition: read.text("ECS_TASK_DEFINITION"),
      subnets: read.list("ECS_SUBNETS"),
      securityGroups: read.list("ECS_SECURITY_GROUPS", ""),
      runTaskPerSecond: read.integer("ECS_RUN_TASK_PER_SECOND", RUN_TASK_PER_SECOND),
      eventsKey: read.secret("ECS_EVENTS_KEY", 8),
    },
    model: {
      baseUrl: read.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
      apiKey: read.secret("ANTHROPIC_API_KEY", 8),
      byRole: read.models("AGENT_MODELS", DEFAULT_MODELS),
    },
  });
}

/** Auth0 gives a bare domain; a local provider has a scheme. The issuer ends with a slash, exactly as in the tokens. */
const issuerOf = (domain: string) => `${/^https?:\/\//.test(domain) ? domain.replace(/\/$/, "") : `https://${domain}`}/`;

class EnvReader {
  private readonly faults: string[] = [];
  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  text(name: string, fallback?: string): string {
    const value = this.env[name] || fallback;
    if (value === undefined) this.faults.push(`${name} is not set`);
    return value ?? "";
  }

  integer(name: string, fallback: number): number {
    const value = Number(this.text(name, String(fallback)));
    if (!Number.isInteger(value) || value < 1) this.faults.push(`${name} must be a whole number above 0`);
    return value;
  }

  url(name: string, fallback?: string): string {
    const value = this.text(name, fallback);
    if (value !== "" && !/^https?:$/.test(URL.parse(value)?.protocol ?? "")) this.faults.push(`${name} must be an http(s) URL`);
    return value.replace(/\/$/, "");
  }

  list(name: string, fallback?: string): string[] {
    return this.text(name, fallback)
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  /** Its value is never part of a message. */
  secret(name: string, minLength: number, fallback?: string): string {
    const value = fallback === undefined ? this.text(name) : this.env[name] || fallback;
    if (value !== "" && value.length < minLength) this.faults.push(`${name} must have at least ${minLength} characters`);
    return value;
  }

  /** A PEM; secret stores that cannot hold lines have `\\n` in it. */
  pem(name: string): string {
    const value = this.secret(name, 64).replaceAll("\\n", "\n");
    if (value !== "" && !value.includes("-----BEGIN ")) this.faults.push(`${name} must be a private key in PEM format`);
    return value;
  }

  models(name: string, fallback: string): Readonly<Record<(typeof ROLE_NAMES)[number], string>> {
    try {
      const value = JSON.parse(this.text(name, fallback)) as Record<string, unknown>;
      if (ROLE_NAMES.every((role) => typeof value[role] === "string"))
        return value as Record<(typeof ROLE_NAMES)[number], string>;
    } catch {
      // said below
    }
    this.faults.push(`${name} must be a JSON object with a model for each of ${ROLE_NAMES.join(", ")}`);
    return JSON.parse(DEFAULT_MODELS) as Record<(typeof ROLE_NAMES)[number], string>;
  }

  finish<T>(config: T): T {
    if (this.faults.length > 0) throw new ConfigError(`these settings need mending: ${this.faults.join("; ")}`);
    return config;
  }
}
