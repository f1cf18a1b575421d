"use client";
// Who is signed in, the theme, and the way out.

import { Check, LogOut, Monitor, Moon, Sun, UserRound } from "lucide-react";
import { useTheme } from "next-themes";
import { DropdownMenu } from "radix-ui";
import type { SignedIn } from "../../lib/auth0.ts";

const THEMES = [
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
  { value: "system", label: "As the system", icon: Monitor },
] as const;

const ITEM = "flex min-h-10 items-center gap-2.5 rounded-control border-2 border-transparent px-2 data-highlighted:border-line";

export function UserMenu({ person: { name, email } }: { person: SignedIn }) {
  const { theme, setTheme } = useTheme();
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <button
          type="button"
          aria-label={`${name}: account and theme`}
          className="flex min-h-10 items-center gap-2 rounded-control border-2 bg-panel px-2 font-semibold"
        >
          <UserRound aria-hidden="true" size={18} />
          <span className="hidden max-w-40 truncate sm:inline">{name}</span>
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="z-40 w-60 rounded-card border-2 bg-panel p-1 text-text lift"
        >
          <DropdownMenu.Label className="px-2 py-1.5">
            <span className="block font-semibold">{name}</span>
            <span className="block truncate text-sm text-muted">{email}</span>
          </DropdownMenu.Label>
          <DropdownMenu.Separator className="my-1 border-t-2" />
          <DropdownMenu.RadioGroup value={theme} onValueChange={setTheme} aria-label="Theme">
            {THEMES.map(({ value, label, icon: Icon }) => (
              <DropdownMenu.RadioItem key={value} value={value} className={ITEM}>
                <Icon aria-hidden="true" size={18} />
                {label}
                <DropdownMenu.ItemIndicator className="ml-auto">
                  <Check aria-hidden="true" size={18} />
                </DropdownMenu.ItemIndicator>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="my-1 border-t-2" />
          <DropdownMenu.Item asChild className={ITEM}>
            {/* Not a page of ours: the browser has to go there itself. */}
            <a href="/auth/logout">
              <LogOut aria-hidden="true" size={18} />
              Sign out
            </a>
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
