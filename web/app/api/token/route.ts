// Hands the browser its access token for Convex and the orchestrator. `?refresh=1` asks the identity provider for a new one.

import { AccessTokenError } from "@auth0/nextjs-auth0/errors";
import { type NextRequest, NextResponse } from "next/server";
import { auth0 } from "../../../lib/auth0.ts";

const NO_STORE = { "cache-control": "no-store" };

/** POST, so that no page of another site can make a browser ask for it by an image or a link. */
export async function POST(request: NextRequest): Promise<NextResponse> {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") {
    return NextResponse.json({ error: "Only the dashboard's own pages may ask." }, { status: 403, headers: NO_STORE });
  }
  // The explicit form with a response of our own: the short one writes the session cookie back without HttpOnly and SameSite.
  const jar = new NextResponse();
  try {
    const refresh = request.nextUrl.searchParams.get("refresh") === "1";
    const { token } = await auth0().getAccessToken(request, jar, { refresh });
    const answer = NextResponse.json({ token }, { headers: NO_STORE });
    for (const cookie of jar.headers.getSetCookie()) answer.headers.append("set-cookie", cookie);
    return answer;
  } catch (error) {
    if (!(error instanceof AccessTokenError)) throw error;
    return NextResponse.json({ error: "Sign in again." }, { status: 401, headers: NO_STORE });
  }
}
