// Makes moves of tickets after all that were given up after a day: part of Linear's sweep, so that a ticket does not say for ever that
// nobody works on it. Each is made once; one that Linear will not take at all is left to people, in the list of repairs.

import type { MoveIssue } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import { OmakaseError, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LinearApi } from "./client.ts";
import { moveTicket } from "./performers.ts";

export interface GivenUpMovesDeps {
  readonly linear: LinearApi;
  readonly convex: ConvexCaller;
  readonly repairs: Repairs;
  readonly log: Log;
  /** Whether this process looks after a project. @default every one */
  readonly isOurs?: (project: string) => boolean;
}

type Page = (typeof api.moves.givenUp)["_returnType"];

/** @returns one sweep, which answers with how many moves it made. Safe to repeat */
export const createMoveSweep =
  ({ linear, convex, repairs, log, isOurs = () => true }: GivenUpMovesDeps) =>
  async (): Promise<number> => {
    let made = 0;
    let after: string | null = null;
    do {
      const page: Page = await convex.query(api.moves.givenUp, { after });
      for (const move of page.moves) if (isOurs(move.project) && (await settle(move))) made++;
      after = page.next;
    } while (after !== null);
    return made;

    async function settle({ effectId, feature, key, payload, isMoot }: Page["moves"][number]): Promise<boolean> {
      let isMade = false;
      if (!isMoot) {
        const subject = { farSide: "linear", subject: key, actor: feature, key: `move:${effectId}` } as const;
        try {
          const name = await moveTicket(linear, JSON.parse(payload) as MoveIssue); // frozen by our own machine
          isMade = name !== null;
          if (isMade)
            await repairs.record({
              ...subject,
              kind: "missedMove",
              what: `${key} had not been moved in Linear when its work moved: it is in ${name} now`,
            });
        } catch (error) {
          if (!(error instanceof OmakaseError) || error.retryable) {
            log.warn("linear.move_waits", { feature, effectId, reason: reasonOf(error) });
            return false;
          }
          const what = `${key} cannot be moved in Linear, and shows an older state than its work: ${reasonOf(error)}`;
          await repairs.record({ ...subject, kind: "moveRefused", what });
        }
      }
      await convex.mutation(api.moves.forget, { effectId });
      return isMade;
    }
  };
