// Every mutation this server covers, by its name in Linear's schema. One that is not here is answered with Linear's
// "not accessible" error. A function's arguments have been validated by GraphQL against the very types it declares.
import * as agentSessions from "./agent-sessions.ts";
import * as attachments from "./attachments.ts";
import type { Change } from "./change.ts";
import * as comments from "./comments.ts";
import * as issues from "./issues.ts";
import * as relations from "./relations.ts";
import * as webhooks from "./webhooks.ts";
import * as workspace from "./workspace.ts";

/** The fields of the mutation's payload, but for `success` and `lastSyncId`, which are the same for all. */
type Operation = (change: Change, args: never) => object;

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["issueCreate", issues.issueCreate],
  ["issueUpdate", issues.issueUpdate],
  ["issueBatchCreate", issues.issueBatchCreate],
  ["issueBatchUpdate", issues.issueBatchUpdate],
  ["issueArchive", issues.issueArchive],
  ["issueUnarchive", issues.issueUnarchive],
  ["issueDelete", issues.issueDelete],
  ["issueAddLabel", issues.issueAddLabel],
  ["issueRemoveLabel", issues.issueRemoveLabel],
  ["issueRelationCreate", relations.issueRelationCreate],
  ["issueRelationUpdate", relations.issueRelationUpdate],
  ["issueRelationDelete", relations.issueRelationDelete],
  ["commentCreate", comments.commentCreate],
  ["commentUpdate", comments.commentUpdate],
  ["commentDelete", comments.commentDelete],
  ["commentResolve", comments.commentResolve],
  ["commentUnresolve", comments.commentUnresolve],
  ["reactionCreate", comments.reactionCreate],
  ["reactionDelete", comments.reactionDelete],
  ["attachmentCreate", attachments.attachmentCreate],
  ["attachmentUpdate", attachments.attachmentUpdate],
  ["attachmentDelete", attachments.attachmentDelete],
  ["attachmentLinkURL", attachments.attachmentLinkURL],
  ["attachmentLinkGitHubPR", attachments.attachmentLinkGitHubPR],
  ["issueLabelCreate", workspace.issueLabelCreate],
  ["issueLabelUpdate", workspace.issueLabelUpdate],
  ["issueLabelDelete", workspace.issueLabelDelete],
  ["teamCreate", workspace.teamCreate],
  ["workflowStateCreate", workspace.workflowStateCreate],
  ["workflowStateUpdate", workspace.workflowStateUpdate],
  ["projectCreate", workspace.projectCreate],
  ["projectUpdate", workspace.projectUpdate],
  ["projectArchive", workspace.projectArchive],
  ["projectDelete", workspace.projectArchive],
  ["projectUnarchive", workspace.projectUnarchive],
  ["webhookCreate", webhooks.webhookCreate],
  ["webhookUpdate", webhooks.webhookUpdate],
  ["webhookDelete", webhooks.webhookDelete],
  ["webhookRotateSecret", webhooks.webhookRotateSecret],
  ["agentSessionCreateOnIssue", agentSessions.agentSessionCreateOnIssue],
  ["agentSessionCreateOnComment", agentSessions.agentSessionCreateOnComment],
  ["agentSessionUpdate", agentSessions.agentSessionUpdate],
  ["agentSessionUpdateExternalUrl", agentSessions.agentSessionUpdateExternalUrl],
  ["agentActivityCreate", agentSessions.agentActivityCreate],
  ["agentActivityCreatePrompt", agentSessions.agentActivityCreatePrompt],
]);
