// The three people of a local Omakase. Their passwords are printed on the sign-in page: this provider guards nothing.
import { createHash, timingSafeEqual } from "node:crypto";

export interface User {
  /** What Auth0 would call them: the connection and the user in it. */
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly role: "admin" | "developer" | "viewer";
  readonly password: string;
}

export const USERS: readonly User[] = [
  { subject: "auth0|ada", name: "Ada", email: "ada@omakase.local", role: "admin", password: "ada-runs-the-kitchen" },
  { subject: "auth0|dana", name: "Dana", email: "dana@omakase.local", role: "developer", password: "dana-writes-the-menu" },
  { subject: "auth0|vic", name: "Vic", email: "vic@omakase.local", role: "viewer", password: "vic-looks-on" },
];

/** Custom claims, in the name space a real tenant's post-login Action uses. */
export const CLAIMS = {
  roles: "https://omakase.dev/roles",
  email: "https://omakase.dev/email",
  name: "https://omakase.dev/name",
} as const;

export function userBySubject(subject: string): User | undefined {
  return USERS.find((user) => user.subject === subject);
}

/** The user with this e-mail (in any case) and exactly this password. */
export function userByPassword(email: string, password: string): User | undefined {
  const user = USERS.find((candidate) => candidate.email === email.trim().toLowerCase());
  return user && timingSafeEqual(sha256(password), sha256(user.password)) ? user : undefined;
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
