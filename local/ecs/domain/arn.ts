// Amazon resource names of this one pretended account and region: how they are made, and what a caller may write instead.

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

const arn = (kind: string, rest: string): string => `arn:aws:ecs:${REGION}:${ACCOUNT}:${kind}/${rest}`;

export const clusterArn = (cluster: string): string => arn("cluster", cluster);
export const taskArn = (cluster: string, id: string): string => arn("task", `${cluster}/${id}`);
export const containerArn = (cluster: string, taskId: string, id: string): string =>
  arn("container", `${cluster}/${taskId}/${id}`);
export const definitionArn = (family: string, revision: number): string => arn("task-definition", `${family}:${revision}`);

/** A name or an ARN to the name: the last part of a path. */
export const lastPart = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);

/** The cluster a request means: none means `default`. */
export const clusterName = (reference: string | undefined): string => (reference === undefined ? "default" : lastPart(reference));
