// Which HTTP action answers a path: the app's own routes, and those of components mounted under a prefix.
//   H1. An exact route beats every prefix, the longest prefix wins; a mounted component is a prefix, and answers all below it.
//   H2. A component's routes are looked up without the prefix it is mounted under; `request.url` stays what was asked for.
import type { HttpHandler } from "../runner/action-runner.ts";
import type { CodeVersion, Mount } from "../runner/functions.ts";

interface Routed {
  readonly home: Mount;
  readonly handler: HttpHandler;
  /** For logs: `GET /files/*`, as the component that answers spells it. */
  readonly name: string;
}

/** Null when nothing answers. */
export const routeOf = (code: CodeVersion, pathname: string, method: string): Routed | null =>
  routeIn(code, code, pathname, method);

function routeIn(code: CodeVersion, home: Mount, pathname: string, method: string): Routed | null {
  const own = home.router?.lookup(pathname, method as "GET") ?? null;
  const ownPrefixLength = own === null ? -1 : own[2] === pathname ? Number.POSITIVE_INFINITY : own[2].length - "*".length;
  const [mount] = home.httpMounts
    .filter(({ prefix }) => pathname.startsWith(prefix) && prefix.length > ownPrefixLength)
    .sort((a, b) => b.prefix.length - a.prefix.length);
  if (mount !== undefined) {
    const child = code.mounts.get(mount.component);
    return child === undefined ? null : routeIn(code, child, pathname.slice(mount.prefix.length - 1), method);
  }
  return own === null ? null : { home, handler: asHandler(own[0]), name: `${own[1]} ${own[2]}` };
}

// The package's public type leaves out the method it is called by.
function asHandler(handler: object): HttpHandler {
  if ("invokeHttpAction" in handler) return handler as HttpHandler;
  throw new Error("A route's handler was not made by httpAction().");
}
