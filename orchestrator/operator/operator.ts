// What the operator's command line and members' tools ask of us: why a feature is not running, what is parked and what is to become of
// it, and the brake for everything. The
// operator is whoever holds OPERATOR_KEY; a member shows an access token of their own and sees what Convex lets them see (P9).
//   O1. Without a key set, nobody is the operator.
//   O2. Every act is stored by Convex, audited under the name given, before it is answered.

import { timingSafeEqual } from "node:crypto";
import { ConvexHttpClient } from "convex/browser";
import { Elysia } from "elysia";
import { z } from "zod";
import { api } from "../../convex/_generated/api.js";
import type { Parked } from "../../convex/quarantine.ts";
import type { Why } from "../../convex/whyRules.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import type { VerifyPerson } from "../inspect/person-token.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { Refused } from "../store/host-store.ts";

export interface OperatorDeps {
  /** Empty: nobody is the operator. */
  readonly key: string;
  readonly convex: ConvexCaller;
  readonly convexUrl: string;
  readonly verify: VerifyPerson;
  readonly log: Log;
  readonly now?: () => number;
}

const MAX_BODY_BYTES = 8 * 1024;
/** Answers within the same ten seconds are the same to Convex. */
const CLOCK_MS = 10_000;
const PROJECT = /^[\w.-]{1,100}\/[\w.-]{1,100}$/;
const KEY = /^[\w-]{1,60}$/;

const vSteer = z.object({
  organization: z.string().min(1).max(100).nullable(),
  command: z.union([
    z.object({ kind: z.literal("hold"), mode: z.enum(["starts", "drain", "stop"]), reason: z.string().max(400) }),
    z.object({ kind: z.literal("resume") }),
  ]),
  by: z.string().min(1).max(80),
  /** The caller's UUID: asking again changes nothing. */
  key: z.string().regex(/^[\w-]{8,64}$/),
});

const vDecision = z.object({
  address: z.string().min(1).max(300),
  decision: z.enum(["retry", "drop"]),
  /** Of the event as it was listed; null when the actor itself cannot be used. */
  eventId: z.string().max(300).nullable(),
  reason: z.string().max(400),
  by: z.string().min(1).max(80),
  key: z.string().regex(/^[\w-]{8,64}$/),
});

type Caller = { readonly kind: "operator" } | { readonly kind: "person"; readonly token: string };

export const operator = ({ key, convex, convexUrl, verify, log, now = Date.now }: OperatorDeps) => {
  const callerOf = async (request: Request): Promise<Caller | null> => {
    const header = request.headers.get("authorization") ?? "";
    const token = header.startsWith("Bearer ") ? header.slice(7) : "";
    if (token === "") return null;
    if (key !== "" && isSame(key, token)) return { kind: "operator" }; // O1
    return (await verify(token)) ? { kind: "person", token } : null;
  };
  const whyFor = async (caller: Caller, project: string | null, feature: string): Promise<readonly Why[]> => {
    const asked = { key: feature, now: Math.floor(now() / CLOCK_MS) * CLOCK_MS };
    if (caller.kind === "operator") return convex.query(api.why.find, { project, ...asked });
    if (project === null) throw new Refused("say which project: ?project=organisation/project", "badArgument");
    const own = new ConvexHttpClient(convexUrl, { skipConvexDeploymentUrlCheck: true, logger: false, auth: caller.token });
    const found = await own.query(api.why.ofFeature, { project, ...asked });
    return found === null ? [] : [found];
  };
  const parkedFor = async (caller: Caller, project: string | null): Promise<readonly Parked[]> => {
    if (caller.kind === "operator") return convex.query(api.quarantine.find, { project });
    if (project === null) throw new Refused("say which project: ?project=organisation/project", "badArgument");
    const own = new ConvexHttpClient(convexUrl, { skipConvexDeploymentUrlCheck: true, logger: false, auth: caller.token });
    return own.query(api.quarantine.ofProject, { project });
  };
  const answering = (what: string, handle: (request: Request) => Promise<Response>) => async (context: { request: Request }) => {
    try {
      return await handle(context.request);
    } catch (error) {
      if (error instanceof Refused) return refuse(400, "refused", error.message);
      log.error("operator.failed", { what, reason: reasonOf(error) });
      return refuse(503, "unavailable", "it could not be asked: try again");
    }
  };

  /** O2: an act of the operator's, in the shape it must have. */
  const acting = <Asked>(what: string, shape: z.ZodType<Asked>, act: (asked: Asked) => Promise<object>) =>
    answering(what, async (request) => {
      if ((await callerOf(request))?.kind !== "operator")
        return refuse(401, "unknown_caller", key === "" ? "no OPERATOR_KEY is set here" : "the operator's key is needed");
      const body = await readBounded(request, MAX_BODY_BYTES);
      const asked = shape.safeParse(body && parsed(body));
      if (!asked.success) return refuse(400, "malformed", z.prettifyError(asked.error).slice(0, 500));
      return Response.json(await act(asked.data));
    });

  return new Elysia({ name: "operator" })
    .get(
      "/why",
      answering("why", async (request) => {
        const caller = await callerOf(request);
        if (caller === null) return refuse(401, "unknown_caller", "a member's access token or the operator's key is needed");
        const { searchParams } = new URL(request.url);
        const [feature, project] = [searchParams.get("key") ?? "", searchParams.get("project")];
        if (!KEY.test(feature) || (project !== null && !PROJECT.test(project)))
          return refuse(400, "malformed", "ask with ?key=OMA-1, and &project=organisation/project when you have it");
        return Response.json({ features: await whyFor(caller, project, feature) });
      }),
    )
    .get(
      "/parked",
      answering("parked", async (request) => {
        const caller = await callerOf(request);
        if (caller === null) return refuse(401, "unknown_caller", "a member's access token or the operator's key is needed");
        const project = new URL(request.url).searchParams.get("project");
        if (project !== null && !PROJECT.test(project))
          return refuse(400, "malformed", "ask with ?project=organisation/project, or for all of them without");
        return Response.json({ actors: await parkedFor(caller, project) });
      }),
    )
    .post(
      "/operator/parked",
      acting("parked", vDecision, async (asked) => {
        await convex.mutation(api.quarantine.operate, asked);
        log.warn("operator.released", asked);
        return {};
      }),
      { parse: "none" },
    )
    .post(
      "/operator/steer",
      acting("steer", vSteer, async (asked) => {
        const told = await convex.mutation(api.organizations.operate, asked);
        log.warn("operator.steered", { ...asked.command, by: asked.by, ...told });
        return told;
      }),
      { parse: "none" },
    );
};

const refuse = (status: number, code: string, message: string) => Response.json({ code, message }, { status });

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
}

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
