// A mutation over Convex's HTTP API whose arguments and answer are plain JSON: null, booleans, strings, finite numbers, arrays and
// objects. The stock client walks and copies every value, for the bigints, bytes and special numbers that might be among them; for a
// batch of steps that took longer than all else about the call. What is sent and understood is the same.

import { type FunctionReference, getFunctionName } from "convex/server";
import { ConvexError } from "convex/values";

export interface PlainMutation {
  /** The deployment's. */
  readonly url: string;
  readonly token: string;
  /** Resolves with what a function answered, whatever it says. */
  readonly send: (url: string, init: RequestInit) => Promise<{ readonly body: string }>;
}

/** @throws what `ConvexHttpClient` throws when the function refuses or fails; {@link SyntaxError} for no answer of Convex's; what `send` throws */
export async function plainMutation<M extends FunctionReference<"mutation">>(
  { url, token, send }: PlainMutation,
  reference: M,
  args: M["_args"],
): Promise<M["_returnType"]> {
  const { body } = await send(`${url}/api/mutation`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ path: getFunctionName(reference), format: "convex_encoded_json", args: [args] }),
  });
  const answer = parse(body);
  switch (answer.status) {
    case "success":
      return answer.value as M["_returnType"];
    case "error":
      if (answer.errorData === undefined) throw new Error(answer.errorMessage);
      throw Object.assign(new ConvexError(answer.errorMessage), { data: answer.errorData });
    default:
      return answer satisfies never;
  }
}

type Answer =
  | { readonly status: "success"; readonly value: unknown }
  | { readonly status: "error"; readonly errorMessage: string; readonly errorData?: unknown };

function parse(body: string): Answer {
  const answer = JSON.parse(body) as Partial<Answer> | null;
  if (answer?.status !== "success" && answer?.status !== "error")
    throw new SyntaxError(`This is no answer of Convex's: ${body.slice(0, 500)}`);
  return answer as Answer;
}
