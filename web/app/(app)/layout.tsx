// Everything behind the sign-in. The proxy has turned strangers away already; this is the second lock.

import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { AppFrame } from "../../features/shell/AppFrame.tsx";
import { signedIn } from "../../lib/auth0.ts";
import { readSettings } from "../../lib/settings.ts";

export default async function SignedInLayout({ children }: { children: ReactNode }) {
  const person = await signedIn();
  if (person === null) redirect("/auth/login");
  const { convexUrl, orchestratorUrl } = readSettings();
  return (
    <AppFrame person={person} settings={{ convexUrl, orchestratorUrl }}>
      {children}
    </AppFrame>
  );
}
