// The name, with its plate.

import Link from "next/link";

export function Logo({ href }: { href: string }) {
  return (
    <Link href={href} className="flex min-h-10 items-center gap-2 rounded-control pr-1 font-display text-lg font-bold">
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
        <rect x="1.5" y="1.5" width="29" height="29" rx="7" fill="var(--color-tomato)" stroke="var(--line)" strokeWidth="3" />
        <circle cx="16" cy="16" r="8.5" fill="#fff8e7" stroke="var(--color-ink)" strokeWidth="2.5" />
        <path
          d="m11.5 16.5 3 3 6-6.5"
          fill="none"
          stroke="var(--color-ink)"
          strokeWidth="2.5"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      Omakase
    </Link>
  );
}
