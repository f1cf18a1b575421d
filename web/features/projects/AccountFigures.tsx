// One budget's figures: spent and reserved of what is allowed, as words and as a bar.

import { type Account, linesOf } from "./amounts.ts";

export function AccountFigures({ account, name }: { account: Account; name: string }) {
  return (
    <div className="flex flex-col gap-2">
      {linesOf(account).map(({ unit, spent, reserved, allowed, share }) => (
        <div key={unit} className="flex flex-col gap-1 text-sm">
          <p>
            <strong>{spent}</strong> spent, {reserved} reserved, {allowed === "no limit" ? "no limit" : `of ${allowed}`}
          </p>
          {share !== null && (
            <meter
              aria-label={`${name}, ${unit.toLowerCase()}`}
              min={0}
              max={1}
              high={0.8}
              optimum={0}
              value={share}
              className="h-4 w-full"
            />
          )}
        </div>
      ))}
    </div>
  );
}
