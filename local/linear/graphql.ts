// The /graphql endpoint: who calls, what it costs, what goes wrong on purpose, and Linear's HTTP statuses and headers.
// The schema's fields are resolved in schema/; this file never looks at rows.
//   E1. Nothing runs for a caller without a valid credential.
//   E2. A refused request (too deep, too complex, rate limited, 5xx on order) has done nothing.
//   E3. `drop-reply` is the one fault that comes after the work: the change is committed, the answer never arrives.
import { GraphQLError, type GraphQLSchema, parse } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import type { World } from "./domain/change.ts";
import { internalError, notAuthenticated, rateLimited, tooComplex } from "./errors.ts";
import type { Faults, RequestFault } from "./faults.ts";
import type { Keys } from "./keys.ts";
import type { RateLimits } from "./rate-limit.ts";
import { type Cost, costOf, MOST_POINTS, QueryTooLargeError } from "./schema/cost.ts";
import type { User } from "./store/entities.ts";

export interface GraphqlDeps {
  readonly world: World;
  /** With resolvers attached. */
  readonly schema: GraphQLSchema;
  readonly keys: Keys;
  readonly faults: Faults;
  readonly limits: RateLimits;
  /** Called for an error nobody foresaw; the caller gets Linear's internal error. */
  readonly onUnexpected: (error: unknown) => void;
}

/** One request on its way through yoga: what its plugins found out, for the answer. */
interface Call {
  readonly viewer: User;
  cost: Cost;
  fault: RequestFault | undefined;
  /** The document was refused before it ran: HTTP 400, as Linear answers. */
  isRefused: boolean;
}

/** A ticket of a megabyte, escaped badly, and room to spare. */
export const LARGEST_BODY_BYTES = 12_000_000;
const MOST_TOKENS = 15_000;
const UNCOUNTED: Cost = { points: 1, depth: 0, rootFields: [] };

/** Builds the handler of `/graphql`. */
export function graphqlEndpoint(deps: GraphqlDeps): (request: Request) => Promise<Response> {
  const { world, schema, keys, limits } = deps;
  const yoga = createYoga<{ call: Call }>({
    schema,
    graphqlEndpoint: "/graphql",
    graphiql: false,
    landingPage: false,
    logging: false,
    multipart: false,
    cors: false,
    maxRequestBodySize: LARGEST_BODY_BYTES,
    maskedErrors: { maskError: (error) => masked(error, deps.onUnexpected) },
    context: ({ call }) => ({ world, schema, viewer: call.viewer }),
    plugins: [boundedParser, admission(deps), plainRefusals],
  });
  return async (request) => {
    if (request.method !== "POST") return failure(405, new GraphQLError("Send GraphQL requests with POST."), { allow: "POST" });
    const viewer = keys.userOf(request.headers.get("authorization"));
    if (!viewer) return failure(401, notAuthenticated()); // E1
    if (limits.isSpent(viewer)) return failure(400, rateLimited(), limits.exhausted(viewer)); // 400, not 429: Linear's way
    const call: Call = { viewer, cost: UNCOUNTED, fault: undefined, isRefused: false };
    const answer = await yoga.fetch(request, { call });
    return finished(call, answer, limits);
  };
}

function finished(call: Call, answer: Response, limits: RateLimits): Response {
  switch (call.fault?.kind) {
    case "ratelimited":
      return failure(400, rateLimited(), limits.exhausted(call.viewer));
    case "error":
      return new Response("upstream error", { status: call.fault.status });
    case "drop-reply":
      return droppedReply();
    case "delay":
    case undefined: {
      const headers = new Headers(answer.headers);
      for (const [name, value] of Object.entries(limits.spend(call.viewer, call.cost.points))) headers.set(name, value);
      return new Response(answer.body, { status: call.isRefused ? 400 : answer.status, headers });
    }
    default:
      call.fault satisfies never;
      return answer;
  }
}

/** E3. A body that breaks before its first byte: the client sees its connection die. No error value, so Bun logs none. */
const droppedReply = (): Response => new Response(new ReadableStream({ start: (controller) => controller.error(undefined) }));

const failure = (status: number, error: GraphQLError, headers: Record<string, string> = {}): Response =>
  Response.json({ errors: [error.toJSON()] }, { status, headers });

/** A hostile document is refused while it is read, before it can cost anything. */
const boundedParser: Plugin = {
  onParse({ setParseFn }) {
    setParseFn((source: string, options?: object) => parse(source, { ...options, maxTokens: MOST_TOKENS }));
  },
};

/** E2. Counts what the request costs, refuses what is too much, and carries out the faults that come before the work. */
function admission({ schema, faults }: GraphqlDeps): Plugin<{ call: Call }> {
  return {
    async onExecute({ args, context, setResultAndStopExecution }) {
      const { call } = context;
      const refuse = (error: GraphQLError) => {
        call.isRefused = true;
        setResultAndStopExecution({ errors: [error] });
      };
      try {
        call.cost = costOf(schema, args.document, args.operationName, args.variableValues ?? {});
      } catch (error) {
        if (error instanceof QueryTooLargeError) return refuse(tooComplex(error.message));
        throw error;
      }
      if (call.cost.points > MOST_POINTS)
        return refuse(tooComplex(`Query too complex: ${call.cost.points} points, ${MOST_POINTS} allowed.`));
      const fault = faults.forRequest(call.cost.rootFields);
      call.fault = fault;
      if (fault?.kind === "delay") await Bun.sleep(fault.delayMs);
      if (fault?.kind === "ratelimited") refuse(rateLimited());
      if (fault?.kind === "error") refuse(internalError());
    },
  };
}

/** Syntax and validation errors, said as Linear says them. */
const plainRefusals: Plugin<object, { call: Call }> = {
  onResultProcess({ result, serverContext, setResult }) {
    if (Symbol.asyncIterator in result || Array.isArray(result)) return;
    const { errors } = result;
    if (!errors || "data" in result) return;
    serverContext.call.isRefused = true;
    setResult({ ...result, errors: errors.map(asValidationError) });
  },
};

function asValidationError(error: GraphQLError): GraphQLError {
  if (error.extensions?.type) return error;
  const extensions = {
    code: "GRAPHQL_VALIDATION_FAILED",
    type: "graphql error",
    statusCode: 400,
    userError: true,
    userPresentableMessage: error.message,
  };
  const { nodes, source, positions, path } = error;
  return new GraphQLError(error.message, { nodes, source, positions, path, extensions });
}

/** Errors thrown on purpose pass; anything else is logged here and told as an internal error. */
function masked(error: unknown, onUnexpected: (error: unknown) => void): Error {
  const original = error instanceof GraphQLError ? error.originalError : error;
  if (error instanceof GraphQLError && (!original || original instanceof GraphQLError)) return error;
  onUnexpected(original ?? error);
  const { message, extensions } = internalError();
  const { path, nodes } = error instanceof GraphQLError ? error : new GraphQLError(message);
  return new GraphQLError(message, { extensions, path, nodes });
}
