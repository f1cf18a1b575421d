// Linear's errors, in the words and shapes its API answers with; the SDK picks its error class by `extensions.type`.
// HTTP statuses are in graphql.ts: nearly all of these are answered with 200 and `data: null`.
import { GraphQLError } from "graphql";

type Kind =
  | "invalid input"
  | "user error"
  | "forbidden"
  | "feature not accessible"
  | "authentication error"
  | "ratelimited"
  | "internal error";

function linearError(kind: Kind, code: string, statusCode: number, message: string, presentable = message): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code, type: kind, statusCode, userError: kind !== "internal error", userPresentableMessage: presentable },
  });
}

/** The entity an id points to does not exist, or not where the caller may use it. */
export const notFound = (type: string): GraphQLError =>
  linearError(
    "invalid input",
    "INPUT_ERROR",
    400,
    `Entity not found: ${type}`,
    `Entity not found: ${type} - Could not find referenced ${type}.`,
  );

/** A create with an id that is taken: how a repeated create shows itself. */
export const conflictOnInsert = (type: string, id: string): GraphQLError =>
  linearError(
    "invalid input",
    "INPUT_ERROR",
    400,
    `conflict on insert of ${type}`,
    `Entity ${type} with id ${id} already exists.`,
  );

/** An argument has the right type and a value Linear refuses. `complaint` is a sentence: "id must be a UUID." */
export const badArgument = (complaint: string): GraphQLError =>
  linearError("invalid input", "INVALID_INPUT", 400, "Argument Validation Error", complaint);

/** A request that contradicts the state of things. */
export const badInput = (message: string): GraphQLError => linearError("invalid input", "INPUT_ERROR", 400, message);

export const forbidden = (message: string): GraphQLError => linearError("forbidden", "FORBIDDEN", 403, message);

/** Part of Linear's schema that this server does not cover (the README lists what it does). */
export const notCovered = (what: string): GraphQLError =>
  linearError("feature not accessible", "FEATURE_NOT_ACCESSIBLE", 403, `${what} is not accessible in this workspace`);

export const notAuthenticated = (): GraphQLError =>
  linearError(
    "authentication error",
    "AUTHENTICATION_ERROR",
    401,
    "Authentication required, not authenticated",
    "You need to authenticate to access this operation.",
  );

export const rateLimited = (): GraphQLError =>
  linearError("ratelimited", "RATELIMITED", 429, "Rate limit exceeded", "You have exceeded the rate limit. Try again later.");

export const tooComplex = (message: string): GraphQLError => linearError("invalid input", "INPUT_ERROR", 400, message);

export const internalError = (): GraphQLError =>
  linearError("internal error", "INTERNAL_SERVER_ERROR", 500, "Internal server error");
