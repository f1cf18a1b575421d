// Operations of the convex package this deployment does not perform, refused with the name of what the app tried to use.

const FEATURES: readonly (readonly [RegExp, string])[] = [
  [/vectorSearch/, "Vector search"],
  [/auditLog/, "Audit logging"],
  [/ServiceToken|ServiceUrl/, "Convex-managed services"],
  [/componentArgument/, "Passing arguments to a component (use its `env`)"],
];

/** The error for an operation nobody handled. The package recognises the second text, so its wording is fixed. */
export function unsupportedOperation(op: string, kind: "operation" | "async operation"): Error {
  const feature = FEATURES.find(([pattern]) => pattern.test(op))?.[1];
  return new Error(
    feature === undefined ? `Unknown ${kind} ${op}` : `${feature} is not supported by this deployment yet (${op}).`,
  );
}
