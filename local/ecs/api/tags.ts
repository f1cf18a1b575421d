// Tags of tasks, definitions and clusters.
import { clusterArn, definitionArn, lastPart, taskArn } from "../domain/arn.ts";
import type { Tag } from "../domain/task.ts";
import { invalidParameter, resourceNotFound } from "../errors.ts";
import type { Fields } from "./fields.ts";
import type { Operation, World } from "./world.ts";

const MAX_TAGS = 50;

/** @throws {AwsError} for more than 50, an empty or too long key, or a value over 256 characters */
export function readTags(request: Fields): Tag[] {
  const tags = request.objects("tags").map((tag) => ({ key: tag.requiredText("key"), value: tag.text("value") ?? "" }));
  if (tags.length > MAX_TAGS) throw invalidParameter(`The number of tags exceeds the limit of ${MAX_TAGS}.`);
  for (const { key, value } of tags) {
    if (key.length > 128) throw invalidParameter("Tag keys can be at most 128 characters long.");
    if (value.length > 256) throw invalidParameter("Tag values can be at most 256 characters long.");
    if (/^aws:/i.test(key)) throw invalidParameter("Tag keys that begin with aws: are reserved for AWS use.");
  }
  return tags;
}

/** The resource's own ARN. @throws {AwsError} when it is not one of ours, or not there */
function existingResource({ store }: World, reference: string): string {
  const kind = /^arn:aws:ecs:[^:]*:[^:]*:(task|task-definition|cluster)\//.exec(reference)?.[1];
  const name = lastPart(reference);
  if (kind === "cluster" && store.catalogue.cluster(name)) return clusterArn(name);
  if (kind === "task-definition") {
    const definition = store.catalogue.definition(name);
    if (definition) return definitionArn(definition.family, definition.revision);
  }
  if (kind === "task") {
    const task = store.tasks.get(name);
    if (task) return taskArn(task.cluster, task.id);
  }
  if (kind === undefined) throw invalidParameter("Invalid resource ARN: tasks, task definitions and clusters can be tagged.");
  throw resourceNotFound("The specified resource could not be found.");
}

export const tagResource: Operation = (world, request) => {
  const arn = existingResource(world, request.requiredText("resourceArn"));
  const tags = readTags(request);
  world.store.transaction(() => {
    world.store.catalogue.tag(arn, tags);
    if (world.store.catalogue.tags(arn).length > MAX_TAGS)
      throw invalidParameter(`The number of tags exceeds the limit of ${MAX_TAGS}.`);
  });
  return {};
};

export const untagResource: Operation = (world, request) => {
  const arn = existingResource(world, request.requiredText("resourceArn"));
  world.store.transaction(() => world.store.catalogue.untag(arn, request.texts("tagKeys")));
  return {};
};

export const listTagsForResource: Operation = (world, request) => ({
  tags: world.store.catalogue.tags(existingResource(world, request.requiredText("resourceArn"))),
});
