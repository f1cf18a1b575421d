// Which processes one machine runs, with which settings. Production code never learns from this that it runs locally: it is
// given URLs and secrets, as it would be in the cloud (P1).

import { createHmac } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LaunchOptions, PortName, RealService } from "./options.ts";
import type { ProcessSpec } from "./process.ts";
import { type Secrets, writeSecretFile } from "./secrets.ts";

/** The names of the sample, in one place: the seed, the stand-ins and the settings have to agree. */
export const SAMPLE = {
  organization: "omakase",
  organizationName: "Omakase Sample",
  project: "sample",
  projectName: "Sample kitchen",
  linearTeamKey: "OMA",
  repository: "omakase/sample",
  /** Green on every branch of the sample that should be opened as a pull request. */
  testCommand: "bun test",
  cluster: "omakase",
  taskDefinition: "omakase-agent",
  image: "omakase/agent:local",
  webClientId: "omakase-web",
  m2mClientId: "omakase-orchestrator",
  audience: "https://api.omakase.local",
  githubAppId: "1",
} as const;

/** The four models of the roles when the real service is used; the scripted one takes any name. */
const AGENT_MODELS = JSON.stringify({
  architect: "claude-opus-5-5",
  coder: "claude-sonnet-5-5",
  reviewer: "claude-opus-5-5",
  tester: "claude-sonnet-5-5",
});

/** The changes of a task that the orchestrator makes something of (`convex/ecs.ts`): a rule of EventBridge's names the same in the cloud. */
const NEWS_OF_TASKS = ["RUNNING", "STOPPED"] as const;

export interface Urls extends Record<PortName, string> {}

export interface Stack {
  readonly urls: Urls;
  readonly linear: { readonly apiUrl: string; readonly apiKey: string; readonly teamKey: string };
  readonly github: {
    readonly apiUrl: string;
    readonly webUrl: string;
    readonly appId: string;
    readonly privateKey: string;
    readonly repository: string;
  };
  readonly convex: { readonly url: string; readonly adminKey: string };
  readonly auth0: { readonly issuer: string; readonly audience: string; readonly m2mClientId: string };
  /** What has to be up before Convex functions are pushed. */
  readonly farEnds: readonly ProcessSpec[];
  readonly orchestrator: ProcessSpec;
  readonly web: ProcessSpec | null;
  /** Settings a person's own commands (`bun run omakase`) use: environment names to values. */
  readonly personSettings: Readonly<Record<string, string>>;
}

export function describeStack(root: string, options: LaunchOptions, secrets: Secrets, shellPath: string): Stack {
  const at = (name: PortName) => `http://localhost:${options.ports[name]}`;
  const real = (service: RealService) => options.real.get(service);
  const data = (name: string) => join(options.stateDir, name);
  const files = writeFiles(options, secrets, at("web"));
  const base = { PATH: shellPath, HOME: data("home"), LANG: "C.UTF-8" };
  mkdirSync(base.HOME, { recursive: true });

  const urls: Urls = {
    web: at("web"),
    orchestrator: at("orchestrator"),
    convex: real("OMAKASE_CONVEX")?.CONVEX_URL ?? at("convex"),
    convexSite: at("convexSite"),
    identity: real("OMAKASE_IDENTITY")?.AUTH0_DOMAIN ?? at("identity"),
    linear: real("OMAKASE_LINEAR") ? "https://linear.app" : at("linear"),
    github: real("OMAKASE_GITHUB") ? "https://github.com" : at("github"),
    ecs: at("ecs"),
    model: at("model"),
  };
  const publicUrl = real("OMAKASE_ECS")?.OMAKASE_PUBLIC_URL ?? at("orchestrator");

  const spec = (
    name: string,
    entry: string,
    args: readonly string[],
    env: Record<string, string> = {},
    ready: ProcessSpec["ready"] = { kind: "line" },
  ): ProcessSpec => ({
    name,
    command: [process.execPath, join(root, entry), ...args],
    cwd: root,
    env: { ...base, ...env },
    logFile: join(options.stateDir, "logs", `${name}.log`),
    ready,
  });
  const port = (name: PortName) => ["--port", String(options.ports[name])];
  const dir = (name: string) => ["--dir", data(name)];

  const linear = real("OMAKASE_LINEAR");
  const github = real("OMAKASE_GITHUB");
  const auth0 = real("OMAKASE_IDENTITY");
  const convex = real("OMAKASE_CONVEX");
  const aws = real("OMAKASE_ECS");
  const anthropic = real("OMAKASE_MODEL");

  const farEnds: ProcessSpec[] = [];
  if (!convex) {
    farEnds.push(
      spec(
        "convex",
        "local/convex/main.ts",
        [...dir("convex"), ...port("convex"), "--site-port", String(options.ports.convexSite)],
        {
          CONVEX_ADMIN_KEY: secrets.convexAdminKey,
        },
      ),
    );
  }
  if (!auth0) {
    farEnds.push(
      spec("identity", "local/identity/main.ts", [
        ...dir("identity"),
        ...port("identity"),
        "--clients-file",
        files.clients,
        "--audience",
        SAMPLE.audience,
      ]),
    );
  }
  if (!linear)
    farEnds.push(
      spec("linear", "local/linear/main.ts", [
        ...dir("linear"),
        ...port("linear"),
        ...["--api-key-file", files.linearKeys],
        // The orchestrator keeps to what it is told: a real workspace's 5,000 would slow a benchmark or a soak down.
        ...(options.extra.linear ?? ["--requests-per-hour", "1000000"]),
      ]),
    );
  if (!github) {
    farEnds.push(
      spec("github", "local/github/main.ts", [
        ...dir("github"),
        ...port("github"),
        ...["--rate-limit", "1000000"],
        "--app-id",
        SAMPLE.githubAppId,
        "--app-public-key",
        files.githubPublicKey,
        "--webhook-url",
        `${at("orchestrator")}/webhooks/github`,
        "--webhook-secret-file",
        files.githubWebhookSecret,
        "--user-token-file",
        files.githubUsers,
      ]),
    );
  }
  if (!aws) {
    farEnds.push({
      ...spec("ecs", "local/ecs/main.ts", [
        ...dir("ecs"),
        ...port("ecs"),
        "--image",
        `${SAMPLE.image}=${JSON.stringify([process.execPath, join(root, "agents/entrypoint.ts")])}`,
        "--image-env",
        `PATH=${shellPath}`,
        // An agent's sandbox sees the project read-only, but not what this machine remembers.
        "--hide",
        options.stateDir,
        "--events-url",
        `${at("orchestrator")}/events/ecs`,
        ...NEWS_OF_TASKS.flatMap((status) => ["--events-status", status]),
        "--events-key-file",
        files.ecsEventsKey,
        ...(options.extra.ecs ?? []),
      ]),
      // Its tasks get their own stop time-out first.
      stopTimeoutMs: 20_000,
    });
  }
  if (!anthropic) {
    farEnds.push(
      spec("model", "local/model/main.ts", [
        ...dir("model"),
        ...port("model"),
        "--scripts",
        join(root, "local/model/scripts"),
        "--api-key-file",
        files.modelKey,
        ...(options.extra.model ?? []),
      ]),
    );
  }

  const issuer = auth0 ? `https://${auth0.AUTH0_DOMAIN}/` : `${at("identity")}/`;
  const audience = auth0?.AUTH0_AUDIENCE ?? SAMPLE.audience;
  const m2mClientId = auth0?.AUTH0_M2M_CLIENT_ID ?? SAMPLE.m2mClientId;
  const auth0Domain = auth0?.AUTH0_DOMAIN ?? at("identity");
  const linearSettings = {
    LINEAR_API_URL: linear ? "https://api.linear.app/graphql" : `${at("linear")}/graphql`,
    LINEAR_API_KEY: linear?.LINEAR_API_KEY ?? secrets.linearApiKey,
  };
  const githubSettings = {
    apiUrl: github ? "https://api.github.com" : at("github"),
    webUrl: urls.github,
    appId: github?.GITHUB_APP_ID ?? SAMPLE.githubAppId,
    privateKey: github?.GITHUB_APP_PRIVATE_KEY ?? secrets.githubAppPrivateKey,
    repository: github?.GITHUB_REPOSITORY ?? SAMPLE.repository,
  };

  const orchestrator: ProcessSpec = spec(
    "orchestrator",
    "orchestrator/main.ts",
    [],
    {
      PORT: String(options.ports.orchestrator),
      HOST: "127.0.0.1",
      INTAKE_LINGER_MS: "1", // nobody stands in front of it
      PUBLIC_URL: publicUrl,
      CONVEX_URL: urls.convex,
      AUTH0_DOMAIN: auth0Domain,
      AUTH0_AUDIENCE: audience,
      AUTH0_M2M_CLIENT_ID: m2mClientId,
      AUTH0_M2M_CLIENT_SECRET: auth0?.AUTH0_M2M_CLIENT_SECRET ?? secrets.auth0M2mClientSecret,
      ORCHESTRATOR_SECRET: secrets.orchestratorSecret,
      OPERATOR_KEY: operatorKey(secrets),
      ...linearSettings,
      LINEAR_WEBHOOK_SECRET: linear?.LINEAR_WEBHOOK_SECRET ?? secrets.linearWebhookSecret,
      GITHUB_API_URL: githubSettings.apiUrl,
      GITHUB_URL: githubSettings.webUrl,
      GITHUB_APP_ID: githubSettings.appId,
      GITHUB_APP_PRIVATE_KEY: githubSettings.privateKey,
      GITHUB_WEBHOOK_SECRET: github?.GITHUB_WEBHOOK_SECRET ?? secrets.githubWebhookSecret,
      ...(aws
        ? {
            AWS_REGION: aws.AWS_REGION ?? "",
            ECS_CLUSTER: aws.ECS_CLUSTER ?? "",
            ECS_TASK_DEFINITION: aws.ECS_TASK_DEFINITION ?? "",
            ECS_SUBNETS: aws.ECS_SUBNETS ?? "",
            AWS_ACCESS_KEY_ID: aws.AWS_ACCESS_KEY_ID ?? "",
            AWS_SECRET_ACCESS_KEY: aws.AWS_SECRET_ACCESS_KEY ?? "",
          }
        : {
            AWS_REGION: "us-east-1",
            AWS_ENDPOINT_URL_ECS: at("ecs"),
            // The SDK insists on some credentials; the local endpoint accepts any.
            AWS_ACCESS_KEY_ID: "local",
            AWS_SECRET_ACCESS_KEY: "local",
            ECS_CLUSTER: SAMPLE.cluster,
            ECS_TASK_DEFINITION: SAMPLE.taskDefinition,
            ECS_SUBNETS: "subnet-local",
            // As fast as the stand-in was told to take launches; empty: as ECS does.
            ECS_RUN_TASK_PER_SECOND: options.extra.ecs?.[options.extra.ecs.indexOf("--run-task-per-second") + 1 || -1] ?? "",
          }),
      ECS_EVENTS_KEY: aws?.ECS_EVENTS_KEY ?? secrets.ecsEventsKey,
      ANTHROPIC_BASE_URL: anthropic ? "https://api.anthropic.com" : at("model"),
      ANTHROPIC_API_KEY: anthropic?.ANTHROPIC_API_KEY ?? secrets.modelApiKey,
      AGENT_MODELS,
      WEB_ORIGIN: at("web"),
    },
    { kind: "http", url: `${at("orchestrator")}/ready` },
  );

  const web: ProcessSpec | null = options.web
    ? {
        name: "web",
        command: [
          process.execPath,
          join(root, "web/node_modules/next/dist/bin/next"),
          "start",
          "-p",
          String(options.ports.web),
          "-H",
          "127.0.0.1",
        ],
        cwd: join(root, "web"),
        env: {
          ...base,
          NODE_ENV: "production",
          NEXT_TELEMETRY_DISABLED: "1",
          CONVEX_URL: urls.convex,
          ORCHESTRATOR_URL: at("orchestrator"),
          APP_BASE_URL: at("web"),
          AUTH0_DOMAIN: auth0Domain,
          AUTH0_CLIENT_ID: auth0?.AUTH0_CLIENT_ID ?? SAMPLE.webClientId,
          AUTH0_CLIENT_SECRET: auth0?.AUTH0_CLIENT_SECRET ?? secrets.auth0ClientSecret,
          AUTH0_SECRET: secrets.auth0CookieSecret,
          AUTH0_AUDIENCE: audience,
        },
        logFile: join(options.stateDir, "logs", "web.log"),
        ready: { kind: "http", url: `${at("web")}/` },
      }
    : null;

  return {
    urls,
    linear: {
      apiUrl: linearSettings.LINEAR_API_URL,
      apiKey: linearSettings.LINEAR_API_KEY,
      teamKey: linear?.LINEAR_TEAM_KEY ?? SAMPLE.linearTeamKey,
    },
    github: githubSettings,
    convex: { url: urls.convex, adminKey: convex?.CONVEX_ADMIN_KEY ?? secrets.convexAdminKey },
    auth0: { issuer, audience, m2mClientId },
    farEnds,
    orchestrator,
    web,
    personSettings: {
      OPERATOR_KEY: operatorKey(secrets),
      LINEAR_API_URL: linearSettings.LINEAR_API_URL,
      LINEAR_API_KEY: linear?.LINEAR_API_KEY ?? secrets.linearPersonKey,
    },
  };
}

/** Whoever may read this machine's state folder operates it. */
const operatorKey = (secrets: Secrets): string =>
  createHmac("sha256", secrets.orchestratorSecret).update("operator").digest("hex");

/** The files the stand-ins read their secrets from. */
function writeFiles(options: LaunchOptions, secrets: Secrets, webUrl: string) {
  const folder = join(options.stateDir, "settings");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeSecretFile(file, text);
    return file;
  };
  const publicKey = join(folder, "github-app.pub.pem");
  writeFileSync(publicKey, secrets.githubAppPublicKey);
  return {
    githubPublicKey: publicKey,
    clients: write(
      "identity-clients.json",
      JSON.stringify({
        web: {
          id: SAMPLE.webClientId,
          secret: secrets.auth0ClientSecret,
          redirectUris: [`${webUrl}/auth/callback`],
          logoutUris: [webUrl],
        },
        m2m: { id: SAMPLE.m2mClientId, secret: secrets.auth0M2mClientSecret },
      }),
    ),
    linearKeys: write(
      "linear-keys.json",
      JSON.stringify({ [secrets.linearApiKey]: "omakase", [secrets.linearPersonKey]: "dana" }),
    ),
    githubWebhookSecret: write("github-webhook-secret", secrets.githubWebhookSecret),
    githubUsers: write("github-users.json", JSON.stringify({ [secrets.githubPersonToken]: "dana" })),
    ecsEventsKey: write("ecs-events-key", secrets.ecsEventsKey),
    modelKey: write("model-key", secrets.modelApiKey),
  };
}
