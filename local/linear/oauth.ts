// POST /oauth/token, for the one grant a server-side app uses: client credentials. The client is the app user: its
// handle is the client id, its API key the secret.
import { type Keys, TOKEN_LIFETIME_S } from "./keys.ts";

/** Answers a token request as Linear does, errors included. */
export async function oauthToken(request: Request, keys: Keys): Promise<Response> {
  const form = new URLSearchParams(await request.text());
  const refuse = (status: number, error: string, error_description: string) =>
    Response.json({ error, error_description }, { status });
  if (form.get("grant_type") !== "client_credentials") {
    return refuse(400, "unsupported_grant_type", "Only client_credentials is covered by the local Linear.");
  }
  const { id, secret } = credentials(request, form);
  const token = keys.tokenFor(id, secret);
  if (!token) return refuse(401, "invalid_client", "The client id or secret is wrong.");
  const scope = form.get("scope") ?? "read,write";
  return Response.json(
    { access_token: token, token_type: "Bearer", expires_in: TOKEN_LIFETIME_S, scope },
    { headers: { "cache-control": "no-store" } },
  );
}

/** From the form or from a Basic header; OAuth allows both. */
function credentials(request: Request, form: URLSearchParams): { id: string; secret: string } {
  const basic = /^Basic (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!basic) return { id: form.get("client_id") ?? "", secret: form.get("client_secret") ?? "" };
  const [id = "", secret = ""] = Buffer.from(basic, "base64").toString("utf8").split(":");
  return { id, secret };
}
