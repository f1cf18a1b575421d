// Every error this server answers with, in the shape AWS JSON 1.1 gives it. The SDK picks its error class by `code`.

/** An answer of AWS that is not a success. `code` becomes `__type`; `extra` are further members of the error's shape. */
export class AwsError extends Error {
  override readonly name = "AwsError";

  constructor(
    readonly code: string,
    message: string,
    readonly status: 400 | 500 | 503 = 400,
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

export const invalidParameter = (message: string): AwsError => new AwsError("InvalidParameterException", message);
export const clientError = (message: string): AwsError => new AwsError("ClientException", message);
export const malformed = (message: string): AwsError => new AwsError("SerializationException", message);
export const clusterNotFound = (): AwsError => new AwsError("ClusterNotFoundException", "Cluster not found.");
export const resourceNotFound = (message: string): AwsError => new AwsError("ResourceNotFoundException", message);
export const throttled = (): AwsError => new AwsError("ThrottlingException", "Rate exceeded");
export const serverError = (message: string): AwsError => new AwsError("ServerException", message, 500);

/** This server cannot start, or cannot go on with the folder it was given. The message says what to do. */
export class EcsStartError extends Error {
  override readonly name = "EcsStartError";

  constructor(
    readonly code: "bad_option" | "folder_in_use" | "folder_unreadable" | "port_taken",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
