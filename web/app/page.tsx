// The landing page: public, and drawn on the server but for the machine in its middle.

import { Landing } from "../features/landing/Landing.tsx";
import { signedIn } from "../lib/auth0.ts";

export default async function LandingPage() {
  return <Landing isSignedIn={(await signedIn()) !== null} />;
}
