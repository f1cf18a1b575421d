// People, organisations, the app's own bot, and where the app is installed.
import type { Database } from "bun:sqlite";

export interface Account {
  readonly id: number;
  readonly login: string;
  readonly type: "User" | "Organization" | "Bot";
  readonly createdAt: string;
}

export interface Installation {
  readonly id: number;
  readonly accountId: number;
  readonly createdAt: string;
}

export const findAccount = (db: Database, login: string): Account | null =>
  db.query<Account, [string]>("SELECT * FROM accounts WHERE login = ?").get(login);

/** The account of an id that another row refers to; foreign keys make its absence a bug. */
export function accountOf(db: Database, id: number): Account {
  const account = db.query<Account, [number]>("SELECT * FROM accounts WHERE id = ?").get(id);
  if (account === null) throw new Error(`account ${id} is referred to but not stored`);
  return account;
}

/** Safe to repeat: an account that exists is returned as it is. */
export function ensureAccount(db: Database, login: string, type: Account["type"], at: string): Account {
  db.query("INSERT INTO accounts (login, type, createdAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING").run(login, type, at);
  const account = findAccount(db, login);
  if (account === null) throw new Error(`account ${login} was not stored`);
  return account;
}

/** Installs the app on an account. Safe to repeat. */
export function ensureInstallation(db: Database, account: Account, at: string): void {
  db.query("INSERT INTO installations (accountId, createdAt) VALUES (?, ?) ON CONFLICT DO NOTHING").run(account.id, at);
}

export const findInstallation = (db: Database, id: number): Installation | null =>
  db.query<Installation, [number]>("SELECT * FROM installations WHERE id = ?").get(id);

export const installationOf = (db: Database, accountId: number): Installation | null =>
  db.query<Installation, [number]>("SELECT * FROM installations WHERE accountId = ?").get(accountId);

export const listInstallations = (db: Database): Installation[] =>
  db.query<Installation, []>("SELECT * FROM installations ORDER BY id").all();
