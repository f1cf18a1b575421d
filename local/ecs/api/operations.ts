// Which operation of which service is covered. Anything else is answered as AWS answers an operation it has never heard of.
import * as clusters from "./clusters.ts";
import * as logs from "./logs.ts";
import { runTask } from "./run-task.ts";
import * as tags from "./tags.ts";
import * as definitions from "./task-definitions.ts";
import * as tasks from "./tasks.ts";
import type { Operation } from "./world.ts";

const ECS = "AmazonEC2ContainerServiceV20141113";
const LOGS = "Logs_20140328";

/** By the value of `X-Amz-Target`. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  [`${ECS}.CreateCluster`, clusters.createCluster],
  [`${ECS}.DescribeClusters`, clusters.describeClusters],
  [`${ECS}.RegisterTaskDefinition`, definitions.registerTaskDefinition],
  [`${ECS}.DescribeTaskDefinition`, definitions.describeTaskDefinition],
  [`${ECS}.ListTaskDefinitions`, definitions.listTaskDefinitions],
  [`${ECS}.RunTask`, runTask],
  [`${ECS}.StopTask`, tasks.stopTask],
  [`${ECS}.DescribeTasks`, tasks.describeTasks],
  [`${ECS}.ListTasks`, tasks.listTasks],
  [`${ECS}.TagResource`, tags.tagResource],
  [`${ECS}.UntagResource`, tags.untagResource],
  [`${ECS}.ListTagsForResource`, tags.listTagsForResource],
  [`${LOGS}.GetLogEvents`, logs.getLogEvents],
  [`${LOGS}.FilterLogEvents`, logs.filterLogEvents],
  [`${LOGS}.DescribeLogStreams`, logs.describeLogStreams],
  [`${LOGS}.DescribeLogGroups`, logs.describeLogGroups],
]);
