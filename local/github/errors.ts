// The errors this server answers with on purpose, in GitHub's own words, and the ones that keep it from starting.
// Leaves alone how an error becomes bytes (http/reply.ts) and what a route does when one is thrown (http/dispatch.ts).

/** One entry of the `errors` array of a 422 answer. GitHub sends either such an object or a bare sentence. */
export type FieldError =
  | {
      readonly resource: string;
      readonly field?: string;
      readonly code: string;
      readonly message?: string;
      readonly value?: unknown;
    }
  | string;

interface Details {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly documentationUrl?: string;
}

/** An answer of 4xx or 5xx. `message` is what GitHub itself would say, since clients match on it. */
export class GitHubError extends Error {
  override readonly name = "GitHubError";
  readonly code = "GITHUB_REFUSED";
  constructor(
    readonly status: number,
    message: string,
    readonly details: Details = {},
  ) {
    super(message);
  }
}

export const notFound = () => new GitHubError(404, "Not Found");

/** 422 with GitHub's array of field errors. */
export const validationFailed = (...errors: FieldError[]) => new GitHubError(422, "Validation Failed", { errors });

/** 422 with plain sentences, as the review routes answer. */
export const unprocessable = (...sentences: string[]) => new GitHubError(422, "Unprocessable Entity", { errors: sentences });

export type StartProblem = "PORT_TAKEN" | "BAD_OPTION" | "STATE_IN_USE" | "STATE_UNREADABLE" | "GIT_MISSING" | "BAD_SEED";

/** Why the server cannot start, in one sentence that says what to do. */
export class StartError extends Error {
  override readonly name = "StartError";
  constructor(
    readonly code: StartProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
