// Task definitions: checked when they are registered, kept as they were sent, read again when a task is launched.
import { definitionArn } from "../domain/arn.ts";
import { fargateSize, type TaskSize } from "../domain/fargate.ts";
import { type NameValue, seconds } from "../domain/task.ts";
import { clientError } from "../errors.ts";
import type { DefinitionRow } from "../store/catalogue.ts";
import { Fields, pagePosition, pageToken } from "./fields.ts";
import { readTags } from "./tags.ts";
import type { Operation, World } from "./world.ts";

/** What a launch needs to know of a definition. */
export interface Definition {
  readonly family: string;
  readonly revision: number;
  readonly arn: string;
  readonly networkMode: string;
  readonly size: TaskSize;
  readonly container: ContainerDefinition;
}

export interface ContainerDefinition {
  readonly name: string;
  readonly image: string;
  readonly cpuUnits: number;
  readonly memoryMiB: number | null;
  readonly entryPoint: readonly string[] | null;
  readonly command: readonly string[];
  readonly environment: readonly NameValue[];
  readonly stopTimeoutS: number;
  /** The awslogs settings; null when the output goes elsewhere. */
  readonly log: { readonly group: string; readonly prefix: string } | null;
}

const DEFAULT_STOP_TIMEOUT_S = 30;
const MAX_STOP_TIMEOUT_S = 120;

export const registerTaskDefinition: Operation = ({ store, now }, request) => {
  const family = request.text("family") ?? "";
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(family)) throw clientError("Family contains invalid characters or has an invalid length.");
  checkFargate(request);
  readContainer(request);
  fargateSize(request.text("cpu"), request.text("memory"));
  const tags = readTags(request);
  const { tags: _, ...sent } = request.raw;
  return store.transaction(() => {
    const revision = store.catalogue.nextRevision(family);
    const arn = definitionArn(family, revision);
    const body = {
      volumes: [],
      placementConstraints: [],
      ...sent,
      family,
      revision,
      taskDefinitionArn: arn,
      status: "ACTIVE",
      compatibilities: ["EC2", "FARGATE"],
      registeredAt: seconds(now()),
    };
    store.catalogue.register({ family, revision, body });
    store.catalogue.tag(arn, tags);
    return { taskDefinition: body, tags };
  });
};

/** This server is Fargate: a definition for something else would only be found out at launch. */
function checkFargate(request: Fields): void {
  const compatibilities = request.texts("requiresCompatibilities");
  if (compatibilities.length > 0 && !compatibilities.includes("FARGATE")) {
    throw clientError(`Only FARGATE is available here, not ${compatibilities.join(", ")}.`);
  }
  const networkMode = request.text("networkMode") ?? "bridge";
  if (compatibilities.includes("FARGATE") && networkMode !== "awsvpc") {
    throw clientError(`Fargate only supports network mode ‘awsvpc’.`);
  }
}

/** @throws {AwsError} ClientException naming what is wrong, or what this server does not cover */
function readContainer(request: Fields): ContainerDefinition {
  const containers = request.objects("containerDefinitions");
  const [container] = containers;
  if (!container) throw clientError("Container list cannot be empty.");
  if (containers.length > 1) throw clientError("This account is limited to one container for each task definition.");
  const name = container.text("name") ?? "";
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name))
    throw clientError("Container.name contains invalid characters or has an invalid length.");
  const image = container.text("image") ?? "";
  if (image === "") throw clientError("Container.image cannot be null or empty.");
  for (const member of ["secrets", "environmentFiles", "dependsOn", "mountPoints"]) {
    const value = container.raw[member];
    if (Array.isArray(value) && value.length > 0) throw clientError(`Container.${member} is not available in this account.`);
  }
  const stopTimeoutS = container.integer("stopTimeout") ?? DEFAULT_STOP_TIMEOUT_S;
  if (stopTimeoutS < 0 || stopTimeoutS > MAX_STOP_TIMEOUT_S)
    throw clientError(`Container.stopTimeout must be between 0 and ${MAX_STOP_TIMEOUT_S} seconds.`);
  return {
    name,
    image,
    cpuUnits: container.integer("cpu") ?? 0,
    memoryMiB: container.integer("memory") ?? null,
    entryPoint: container.has("entryPoint") ? container.texts("entryPoint") : null,
    command: container.texts("command"),
    environment: readEnvironment(container),
    stopTimeoutS,
    log: readLog(container),
  };
}

function readLog(container: Fields): ContainerDefinition["log"] {
  const log = container.object("logConfiguration");
  if (log?.text("logDriver") !== "awslogs") return null;
  const options = log.object("options");
  const group = options?.text("awslogs-group");
  if (!group) throw clientError("Log driver awslogs requires options: awslogs-group.");
  const prefix = options?.text("awslogs-stream-prefix");
  if (!prefix) throw clientError("Log driver awslogs requires options: awslogs-stream-prefix when using Fargate.");
  return { group, prefix };
}

export function readEnvironment(container: Fields): NameValue[] {
  return container
    .objects("environment")
    .map((entry) => ({ name: entry.requiredText("name"), value: entry.text("value") ?? "" }));
}

/** @throws {AwsError} ClientException when there is no such definition */
export function existingDefinition({ store }: World, reference: string): Definition {
  const { family, revision, body } = definitionRow(store.catalogue.definition(reference));
  const fields = Fields.of(body);
  return {
    family,
    revision,
    arn: definitionArn(family, revision),
    networkMode: fields.text("networkMode") ?? "bridge",
    size: fargateSize(fields.text("cpu"), fields.text("memory")),
    container: readContainer(fields),
  };
}

function definitionRow(row: DefinitionRow | null): DefinitionRow {
  if (!row) throw clientError("Unable to describe task definition.");
  return row;
}

export const describeTaskDefinition: Operation = ({ store }, request) => {
  const row = definitionRow(store.catalogue.definition(request.requiredText("taskDefinition")));
  const wantsTags = request.texts("include").includes("TAGS");
  return {
    taskDefinition: row.body,
    ...(wantsTags ? { tags: store.catalogue.tags(definitionArn(row.family, row.revision)) } : {}),
  };
};

export const listTaskDefinitions: Operation = ({ store }, request) => {
  const limit = request.integerWithin("maxResults", 1, 100, 100);
  const from = pagePosition(request.text("nextToken"));
  // Nothing can be deregistered here, so that any other status has no members.
  const isActive = (request.oneOf("status", ["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"]) ?? "ACTIVE") === "ACTIVE";
  const all = isActive ? store.catalogue.definitions(request.text("familyPrefix") ?? null) : [];
  if (request.oneOf("sort", ["ASC", "DESC"]) === "DESC") all.reverse();
  const page = all.slice(from, from + limit);
  const more = from + limit < all.length;
  return {
    taskDefinitionArns: page.map(({ family, revision }) => definitionArn(family, revision)),
    ...(more ? { nextToken: pageToken(from + limit) } : {}),
  };
};
