"use client";
// The frame of every signed-in page: skip link, top bar, and the providers the pages rely on.

import { FolderKanban } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import { ButtonLink } from "../../elements/Button.tsx";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { HintProvider } from "../../elements/Hint.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import type { SignedIn } from "../../lib/auth0.ts";
import { ConvexWithLogin } from "../../lib/convex.tsx";
import type { PublicSettings } from "../../lib/settings.ts";
import { AsksProvider } from "../actions/Asks.tsx";
import { LivePill } from "./LivePill.tsx";
import { Logo } from "./Logo.tsx";
import { UserMenu } from "./UserMenu.tsx";

export function AppFrame({ person, settings, children }: { person: SignedIn; settings: PublicSettings; children: ReactNode }) {
  return (
    <HintProvider>
      <ConvexWithLogin
        settings={settings}
        loading={<Frame person={person}>{<PageSkeleton />}</Frame>}
        signedOut={<Frame person={person}>{<SignedOut />}</Frame>}
      >
        <AsksProvider>
          <Frame person={person} live={<LivePill />}>
            {children}
          </Frame>
        </AsksProvider>
      </ConvexWithLogin>
    </HintProvider>
  );
}

function Frame({ person, live, children }: { person: SignedIn; live?: ReactNode; children: ReactNode }) {
  return (
    <>
      <a
        href="#main"
        className="sr-only z-50 rounded-control border-2 bg-mango px-4 py-2 font-semibold text-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <header className="sticky top-0 z-30 flex min-h-14 items-center gap-2 border-b-2 bg-panel px-3 sm:gap-3 sm:px-5">
        <Logo href="/projects" />
        <nav aria-label="Main" className="flex items-center">
          <Link
            href="/projects"
            className="flex min-h-10 items-center gap-1.5 rounded-control px-2 font-semibold hover:underline"
          >
            <FolderKanban aria-hidden="true" size={18} />
            <span className="sr-only sm:not-sr-only">Projects</span>
          </Link>
        </nav>
        <div className="ml-auto flex items-center gap-2">
          {live}
          <UserMenu person={person} />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[112rem] px-3 py-5 outline-none sm:px-5">
        {children}
      </main>
    </>
  );
}

function PageSkeleton() {
  return (
    <Loading what="the page" className="flex flex-col gap-4">
      <Skeleton className="h-9 w-64" />
      <Skeleton className="h-64" />
    </Loading>
  );
}

function SignedOut() {
  return (
    <EmptyState
      title="Your sign-in has ended"
      mascot={<Mascot species="orchestrator" mood="offline" size={96} />}
      action={
        <ButtonLink tone="primary" href="/auth/login" prefetch={false}>
          Sign in again
        </ButtonLink>
      }
    >
      Nothing is lost. After signing in you are back in your projects.
    </EmptyState>
  );
}
