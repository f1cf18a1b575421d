// The shape of a page, as `usePaginatedQuery` wants it.

import { type GenericValidator, v } from "convex/values";

export const vPage = <Row extends GenericValidator>(row: Row) =>
  v.object({
    page: v.array(row),
    isDone: v.boolean(),
    continueCursor: v.string(),
    splitCursor: v.optional(v.union(v.string(), v.null())),
    pageStatus: v.optional(v.union(v.literal("SplitRecommended"), v.literal("SplitRequired"), v.null())),
  });
