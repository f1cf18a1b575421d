// The shape of the SQLite file. Git holds every commit and branch; this holds what people and apps said about them.
//   S1. `refs` is the last state of the branches and tags that was announced; git is the truth, and operations/refs.ts closes the gap.
//   S2. At most one open pull request per (repository, head, base): `oneOpenPull` makes a duplicate impossible, whatever the code does.
//   S3. Tokens are stored as SHA-256 digests only.
//   S4. Ids are never used twice (AUTOINCREMENT), so a deleted comment's id cannot come back as another comment.

/** Raised with every change of the tables below; an older file is refused by name, never guessed at. */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE,
  type TEXT NOT NULL CHECK (type IN ('User', 'Organization', 'Bot')), createdAt TEXT NOT NULL
) STRICT;
CREATE TABLE installations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, accountId INTEGER NOT NULL UNIQUE REFERENCES accounts (id), createdAt TEXT NOT NULL
) STRICT;
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ownerId INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL COLLATE NOCASE,
  storage TEXT NOT NULL UNIQUE, description TEXT, private INTEGER NOT NULL, defaultBranch TEXT NOT NULL,
  nextNumber INTEGER NOT NULL DEFAULT 1, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, pushedAt TEXT NOT NULL,
  UNIQUE (ownerId, name)
) STRICT;
CREATE TABLE refs (
  repositoryId INTEGER NOT NULL REFERENCES repositories (id), name TEXT NOT NULL, sha TEXT NOT NULL, PRIMARY KEY (repositoryId, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE refIntents (
  repositoryId INTEGER PRIMARY KEY REFERENCES repositories (id), actorId INTEGER NOT NULL REFERENCES accounts (id), route TEXT NOT NULL,
  pullId INTEGER, mergeSha TEXT, mergeMethod TEXT
) STRICT;
CREATE TABLE pulls (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repositoryId INTEGER NOT NULL REFERENCES repositories (id), number INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')), draft INTEGER NOT NULL, title TEXT NOT NULL, body TEXT,
  authorId INTEGER NOT NULL REFERENCES accounts (id), headRef TEXT NOT NULL, headSha TEXT NOT NULL, baseRef TEXT NOT NULL, baseSha TEXT NOT NULL,
  mergeSha TEXT, mergedById INTEGER REFERENCES accounts (id), mergedAt TEXT, closedAt TEXT, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL,
  UNIQUE (repositoryId, number)
) STRICT;
CREATE UNIQUE INDEX oneOpenPull ON pulls (repositoryId, headRef, baseRef) WHERE state = 'open';
CREATE INDEX pullsByHead ON pulls (repositoryId, headRef);
CREATE INDEX pullsByBase ON pulls (repositoryId, baseRef);
CREATE TABLE reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pullId INTEGER NOT NULL REFERENCES pulls (id), authorId INTEGER NOT NULL REFERENCES accounts (id),
  state TEXT NOT NULL CHECK (state IN ('PENDING', 'COMMENTED', 'APPROVED', 'CHANGES_REQUESTED', 'DISMISSED')),
  body TEXT NOT NULL, commitSha TEXT NOT NULL, submittedAt TEXT
) STRICT;
CREATE INDEX reviewsByPull ON reviews (pullId);
CREATE UNIQUE INDEX onePendingReview ON reviews (pullId, authorId) WHERE state = 'PENDING';
CREATE TABLE reviewComments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, reviewId INTEGER NOT NULL REFERENCES reviews (id), pullId INTEGER NOT NULL REFERENCES pulls (id),
  authorId INTEGER NOT NULL REFERENCES accounts (id), path TEXT NOT NULL, line INTEGER NOT NULL, side TEXT NOT NULL, startLine INTEGER,
  startSide TEXT, commitSha TEXT NOT NULL, diffHunk TEXT NOT NULL, body TEXT NOT NULL, createdAt TEXT NOT NULL
) STRICT;
CREATE INDEX reviewCommentsByPull ON reviewComments (pullId);
CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pullId INTEGER NOT NULL REFERENCES pulls (id), authorId INTEGER NOT NULL REFERENCES accounts (id),
  body TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL
) STRICT;
CREATE INDEX commentsByPull ON comments (pullId);
CREATE TABLE checkSuites (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repositoryId INTEGER NOT NULL REFERENCES repositories (id), headSha TEXT NOT NULL, createdAt TEXT NOT NULL,
  UNIQUE (repositoryId, headSha)
) STRICT;
CREATE TABLE checkRuns (
  id INTEGER PRIMARY KEY AUTOINCREMENT, suiteId INTEGER NOT NULL REFERENCES checkSuites (id), repositoryId INTEGER NOT NULL, headSha TEXT NOT NULL,
  name TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT, externalId TEXT NOT NULL, detailsUrl TEXT, title TEXT, summary TEXT, text TEXT,
  annotations TEXT NOT NULL, startedAt TEXT NOT NULL, completedAt TEXT
) STRICT;
CREATE INDEX checkRunsByCommit ON checkRuns (repositoryId, headSha);
CREATE TABLE statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repositoryId INTEGER NOT NULL REFERENCES repositories (id), sha TEXT NOT NULL, state TEXT NOT NULL,
  context TEXT NOT NULL, description TEXT, targetUrl TEXT, creatorId INTEGER NOT NULL REFERENCES accounts (id), createdAt TEXT NOT NULL
) STRICT;
CREATE INDEX statusesByCommit ON statuses (repositoryId, sha);
CREATE TABLE tokens (
  digest TEXT PRIMARY KEY, installationId INTEGER NOT NULL REFERENCES installations (id), repositoryIds TEXT, permissions TEXT NOT NULL,
  expiresAtMs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL, event TEXT NOT NULL, action TEXT, installationId INTEGER NOT NULL,
  repositoryId INTEGER NOT NULL, payload TEXT NOT NULL, redelivery INTEGER NOT NULL, createdAtMs INTEGER NOT NULL,
  attemptedAtMs INTEGER, durationMs INTEGER, statusCode INTEGER, outcome TEXT
) STRICT;
CREATE INDEX deliveriesPending ON deliveries (id) WHERE outcome IS NULL;
CREATE INDEX deliveriesByAge ON deliveries (createdAtMs);
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, route TEXT NOT NULL, actor TEXT NOT NULL, repository TEXT, subject TEXT NOT NULL
) STRICT;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;
