// Clusters: names under which tasks are kept apart. `default` is always there.
import { clusterArn, clusterName, lastPart } from "../domain/arn.ts";
import { clusterNotFound, invalidParameter } from "../errors.ts";
import type { ClusterRow } from "../store/catalogue.ts";
import type { Operation, World } from "./world.ts";

/** @throws {AwsError} ClusterNotFoundException */
export function existingCluster({ store }: World, reference: string | undefined): ClusterRow {
  const cluster = store.catalogue.cluster(clusterName(reference));
  if (!cluster) throw clusterNotFound();
  return cluster;
}

function wireCluster({ store }: World, { name, defaultProviders }: ClusterRow): Readonly<Record<string, unknown>> {
  const { running, pending } = store.tasks.countsOf(name);
  return {
    clusterArn: clusterArn(name),
    clusterName: name,
    status: "ACTIVE",
    registeredContainerInstancesCount: 0,
    runningTasksCount: running,
    pendingTasksCount: pending,
    activeServicesCount: 0,
    statistics: [],
    tags: [],
    settings: [{ name: "containerInsights", value: "disabled" }],
    capacityProviders: ["FARGATE", "FARGATE_SPOT"],
    defaultCapacityProviderStrategy: defaultProviders.map((capacityProvider) => ({ capacityProvider, weight: 1, base: 0 })),
  };
}

export const createCluster: Operation = (world, request) => {
  const name = request.text("clusterName") ?? "default";
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name)) throw invalidParameter("Invalid identifier: Identifier is for cluster name.");
  const strategy = request.objects("defaultCapacityProviderStrategy").map((item) => item.requiredText("capacityProvider"));
  world.store.transaction(() => {
    world.store.catalogue.createCluster({ name, defaultProviders: strategy });
    const tags = request.objects("tags").map((tag) => ({ key: tag.requiredText("key"), value: tag.text("value") ?? "" }));
    world.store.catalogue.tag(clusterArn(name), tags);
  });
  return { cluster: wireCluster(world, existingCluster(world, name)) };
};

export const describeClusters: Operation = (world, request) => {
  const references = request.has("clusters") ? request.texts("clusters") : ["default"];
  if (references.length > 100) throw invalidParameter("Clusters cannot have more than 100 elements");
  const clusters: unknown[] = [];
  const failures: unknown[] = [];
  for (const reference of references) {
    const cluster = world.store.catalogue.cluster(lastPart(reference));
    if (cluster) clusters.push(wireCluster(world, cluster));
    else failures.push({ arn: clusterArn(lastPart(reference)), reason: "MISSING" });
  }
  return { clusters, failures };
};
