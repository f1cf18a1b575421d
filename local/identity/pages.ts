// The pages a person sees: sign in, signing out, signed out, and what went wrong. Plain HTML, no assets, everything escaped.
import { createHash } from "node:crypto";
import { USERS } from "./users.ts";

/** A page and the policy it needs. Only the sign-out page runs a script, and only that very script. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

const STYLE = `
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px 16px; background: #FFF8E7; color: #111; font: 16px/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 440px; background: #fff; border: 2px solid #111; box-shadow: 4px 4px 0 #111; padding: 24px }
h1 { margin: 0 0 4px; font-size: 28px; line-height: 1.15; letter-spacing: -.02em }
h2 { margin: 24px 0 8px; font-size: 16px }
p { margin: 0 0 16px; overflow-wrap: anywhere }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px }
button { width: 100%; padding: 10px 14px; border: 2px solid #111; box-shadow: 4px 4px 0 #111; background: #FFD23F; color: #111; font: inherit; font-weight: 700; text-align: left; cursor: pointer }
button:hover { background: #ffdf70 }
button:active { transform: translate(4px, 4px); box-shadow: none }
button:focus-visible, input:focus-visible { outline: 3px solid #2D5BFF; outline-offset: 2px }
button small { display: block; font-weight: 400; overflow-wrap: anywhere }
label { display: block; margin: 0 0 12px; font-weight: 700 }
input { display: block; width: 100%; margin-top: 4px; padding: 9px 12px; border: 2px solid #111; background: #fff; color: #111; font: inherit; font-weight: 400 }
[role=alert] { border: 2px solid #111; background: #FF8FA3; padding: 10px 14px; font-weight: 700 }
code { font: 14px/1.4 ui-monospace, monospace }
`;

const SUBMIT_SCRIPT = "document.forms[0].submit()";

/** The sign-in page: one button a person, and a form for whoever wants to type. */
export function signInPage(
  action: string,
  options: { readonly alert?: string; readonly email?: string; readonly returnOrigins: readonly string[] },
): Page {
  const people = USERS.map(
    (user) => `<li><form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="email" value="${escapeHtml(user.email)}"><input type="hidden" name="password" value="${escapeHtml(user.password)}">
<button type="submit">Sign in as ${escapeHtml(user.name)} <small>${escapeHtml(user.role)}: ${escapeHtml(user.email)}, <code>${escapeHtml(user.password)}</code></small></button>
</form></li>`,
  );
  const alert = options.alert === undefined ? "" : `<p role="alert">${escapeHtml(options.alert)}</p>`;
  return page(
    "Sign in",
    `<h1>Sign in to Omakase</h1>
<p>This is the local sign-in. The people are made up and their passwords are public.</p>
${alert}
<ul>${people.join("\n")}</ul>
<h2>Or with a password</h2>
<form method="post" action="${escapeHtml(action)}">
<label>E-mail <input name="email" type="email" autocomplete="username" required value="${escapeHtml(options.email ?? "")}"></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">Continue</button>
</form>`,
    { formTargets: options.returnOrigins },
  );
}

/** Signs out by itself, as Auth0 does; the button is for browsers that run no scripts. @param form oidc-provider's own, with its token */
export function signOutPage(form: string): Page {
  const complete = form.replace(
    "</form>",
    '<input type="hidden" name="logout" value="yes"><button type="submit">Sign out</button></form>',
  );
  return page("Signing out", `<h1>Signing out</h1>${complete}<script>${SUBMIT_SCRIPT}</script>`, { script: SUBMIT_SCRIPT });
}

export function signedOutPage(): Page {
  return page("Signed out", "<h1>Signed out</h1><p>You can close this page.</p>");
}

export function errorPage(title: string, what: string): Page {
  return page(title, `<h1>${escapeHtml(title)}</h1><p role="alert">${escapeHtml(what)}</p>`);
}

/** Text that is safe between tags and in a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(
  title: string,
  body: string,
  allow: { readonly formTargets?: readonly string[]; readonly script?: string } = {},
): Page {
  // Chrome applies form-action to where the form's answer redirects to, so the application's own origin has to be named.
  const formAction = allow.script === undefined ? ["'self'", ...(allow.formTargets ?? [])].join(" ") : undefined;
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(STYLE)}`,
    ...(allow.script === undefined ? [] : [`script-src ${hashOf(allow.script)}`]),
    ...(formAction === undefined ? [] : [`form-action ${formAction}`]),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)} · Omakase</title>
<link rel="icon" href="data:,"><style>${STYLE}</style></head><body><main>${body}</main></body></html>`,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `${policy}; img-src data:`,
      "cache-control": "no-store",
      "referrer-policy": "same-origin",
      "x-content-type-options": "nosniff",
    },
  };
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
