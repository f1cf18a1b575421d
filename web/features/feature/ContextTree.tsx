// An actor's context as a tree that folds. Machines keep no secret; a field that sounds like one is hidden all the same.

const HIDDEN = /token|secret|password|credential|private|cookie/i;
const MAX_ENTRIES = 200;

export function ContextTree({ value, label }: { value: unknown; label: string }) {
  return (
    <section aria-label={label} className="min-w-0 font-mono text-xs">
      {isEmpty(value) ? <p className="font-sans text-sm text-muted">It keeps nothing.</p> : <Entries value={value} depth={0} />}
    </section>
  );
}

function Entries({ value, depth }: { value: unknown; depth: number }) {
  const entries = Object.entries(value as object);
  return (
    <ul className={depth > 0 ? "ml-2 border-l-2 pl-2" : undefined}>
      {entries.slice(0, MAX_ENTRIES).map(([name, inner]) => (
        <li key={name} className="leading-6">
          <Entry name={name} value={inner} depth={depth} />
        </li>
      ))}
      {entries.length > MAX_ENTRIES && <li className="text-muted">and {entries.length - MAX_ENTRIES} more</li>}
    </ul>
  );
}

function Entry({ name, value, depth }: { name: string; value: unknown; depth: number }) {
  if (HIDDEN.test(name)) {
    return (
      <>
        {name}: <em className="text-muted">hidden</em>
      </>
    );
  }
  if (typeof value !== "object" || value === null || isEmpty(value)) {
    return (
      <>
        <span className="text-muted">{name}:</span> <span className="break-all">{JSON.stringify(value) ?? "undefined"}</span>
      </>
    );
  }
  const count = Object.keys(value).length;
  return (
    <details open={depth === 0 && count <= 4}>
      <summary>
        {name} <span className="text-muted">{Array.isArray(value) ? `[${count}]` : `{${count}}`}</span>
      </summary>
      <Entries value={value} depth={depth + 1} />
    </details>
  );
}

const isEmpty = (value: unknown): boolean => typeof value !== "object" || value === null || Object.keys(value).length === 0;
