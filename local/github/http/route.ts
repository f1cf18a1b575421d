// What a route is, and how its path is written: `/repos/{owner}/{repo}/git/ref/{ref...}`, as GitHub's documentation does.
// `{name}` is one path segment; `{name...}` takes the rest, slashes included. The written form is also the route's name
// in the journal and for faults.

/** A request that has matched a route. */
export interface Incoming<Name extends string = string> {
  readonly request: Request;
  readonly url: URL;
  readonly route: string;
  readonly params: Readonly<Record<Name, string>>;
  /** Turns off the idle limit of this connection: a clone may think for long. */
  readonly keepOpen: () => void;
}

export interface Route {
  /** Method and path, for example `GET /repos/{owner}/{repo}`. */
  readonly id: string;
  readonly method: Method;
  readonly match: (pathname: string) => Record<string, string> | null;
  readonly handle: (incoming: Incoming) => Promise<Response>;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The parameter names written in a path. */
export type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${infer Long}...` ? Long : Name) | NamesIn<Rest>
  : never;

export function route<const Path extends string>(
  method: Method,
  path: Path,
  handle: (incoming: Incoming<NamesIn<Path>>) => Promise<Response>,
): Route {
  const names: string[] = [];
  const source = path
    .replace(/[.+*?^$()|[\]\\]/g, "\\$&")
    .replace(/\{(\w+)((?:\\\.){3})?\}/g, (_match, name: string, rest?: string) => {
      names.push(name);
      return rest === undefined ? "([^/]+)" : "(.+)";
    });
  const pattern = new RegExp(`^${source}/?$`);
  const match = (pathname: string) => {
    const found = pattern.exec(pathname);
    return found === null ? null : decodeAll(names, found.slice(1));
  };
  // The pattern was made from the same text as the type, so every name in the type is in the record.
  return { id: `${method} ${path}`, method, match, handle: (incoming) => handle(incoming as Incoming<NamesIn<Path>>) };
}

/** Null when a part is not valid percent-encoding: such a path matches nothing. */
function decodeAll(names: readonly string[], values: readonly string[]): Record<string, string> | null {
  try {
    return Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(values[index] ?? "")]));
  } catch {
    return null;
  }
}
