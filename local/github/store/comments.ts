// Conversation comments of a pull request (GitHub calls them issue comments).
import type { Database } from "bun:sqlite";

export interface Comment {
  readonly id: number;
  readonly pullId: number;
  readonly authorId: number;
  readonly body: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function insertComment(db: Database, row: { pullId: number; authorId: number; body: string; at: string }): Comment {
  const stored = db
    .query<Comment, [number, number, string, string, string]>(
      "INSERT INTO comments (pullId, authorId, body, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?) RETURNING *",
    )
    .get(row.pullId, row.authorId, row.body, row.at, row.at);
  if (stored === null) throw new Error("a comment was not stored");
  return stored;
}

/** Oldest first; `since` keeps those updated at or after it. */
export const commentsOf = (db: Database, pullId: number, since = ""): Comment[] =>
  db
    .query<Comment, [number, string]>("SELECT * FROM comments WHERE pullId = ? AND updatedAt >= ? ORDER BY id")
    .all(pullId, since);

/** A comment by id, if it belongs to this repository. */
export const findComment = (db: Database, repositoryId: number, id: number): Comment | null =>
  db
    .query<Comment, [number, number]>(
      "SELECT comments.* FROM comments JOIN pulls ON pulls.id = pullId WHERE repositoryId = ? AND comments.id = ?",
    )
    .get(repositoryId, id);

export function updateComment(db: Database, comment: Comment, body: string, at: string): Comment {
  db.query("UPDATE comments SET body = ?, updatedAt = ? WHERE id = ?").run(body, at, comment.id);
  return { ...comment, body, updatedAt: at };
}

export const deleteComment = (db: Database, id: number) => {
  db.query("DELETE FROM comments WHERE id = ?").run(id);
};
