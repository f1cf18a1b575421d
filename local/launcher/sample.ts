// The first start's sample: an organisation with a project and three members, an ECS cluster with the agent's task definition,
// Linear's webhook. Repository and tickets come from local/sample. Everything here may be repeated.

import { CreateClusterCommand, ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { LinearClient } from "@linear/sdk";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import { runFunction } from "./deploy.ts";
import { SAMPLE, type Stack } from "./stack.ts";

/** Features of the sample that may be in the pipeline at once: two cores do not carry more real agents. */
const SAMPLE_LIMITS = { features: 3, perRole: {} };

/** What a failed run of an agent waits for belongs to production; everything else of the sample is the default. */
export async function prepareEcs(endpoint: string): Promise<void> {
  const ecs = new ECSClient({ region: "us-east-1", endpoint, credentials: { accessKeyId: "local", secretAccessKey: "local" } });
  await ecs.send(new CreateClusterCommand({ clusterName: SAMPLE.cluster }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: SAMPLE.taskDefinition,
      cpu: "1024",
      memory: "2048",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      containerDefinitions: [
        {
          name: "agent",
          image: SAMPLE.image,
          essential: true,
          stopTimeout: 30,
          logConfiguration: {
            logDriver: "awslogs",
            options: { "awslogs-group": "/omakase/agents", "awslogs-stream-prefix": "agent" },
          },
        },
      ],
    }),
  );
  ecs.destroy();
}

/** The people of the local provider; with a real one, its `admin` (a subject) alone: the others are invited later. */
const LOCAL_MEMBERS = [
  { subject: "auth0|ada", role: "admin" },
  { subject: "auth0|dana", role: "developer" },
  { subject: "auth0|vic", role: "viewer" },
] as const;

export async function prepareOrganization(stack: Stack, admin: string | null): Promise<void> {
  const team = await linearTeam(stack);
  await runFunction(stack, "seed:sample", {
    organization: { slug: SAMPLE.organization, name: SAMPLE.organizationName },
    project: {
      slug: SAMPLE.project,
      name: SAMPLE.projectName,
      linearTeamId: team.id,
      linearTeamKey: stack.linear.teamKey,
      repository: stack.github.repository,
      defaultBranch: "main",
      testCommand: SAMPLE.testCommand,
      limits: SAMPLE_LIMITS,
      settings: DEFAULT_SETTINGS,
    },
    members: admin === null ? LOCAL_MEMBERS : [{ subject: admin, role: "admin" }],
  });
}

/** Registers the orchestrator's webhook with Linear unless it is there. */
export async function prepareLinearWebhook(stack: Stack, orchestratorUrl: string, secret: string): Promise<void> {
  const linear = client(stack);
  const url = `${orchestratorUrl}/webhooks/linear`;
  const known = await linear.webhooks();
  if (known.nodes.some((hook) => hook.url === url)) return;
  await linear.createWebhook({ url, secret, resourceTypes: ["Issue"], teamId: (await linearTeam(stack)).id });
}

async function linearTeam(stack: Stack) {
  const teams = await client(stack).teams({ filter: { key: { eq: stack.linear.teamKey } } });
  const team = teams.nodes[0];
  if (!team) throw new Error(`Linear has no team with the key ${stack.linear.teamKey}`);
  return team;
}

const client = (stack: Stack) => new LinearClient({ apiKey: stack.linear.apiKey, apiUrl: stack.linear.apiUrl });
