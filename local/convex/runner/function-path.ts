// Spellings of a function's name: `dir/module:fn`, with an optional `.js`, and `default` when `:fn` is missing.

/** The spelling functions are registered under: no `.js`, always with an export name. */
export function canonicalPath(path: string): string {
  const colon = path.indexOf(":");
  const module = colon === -1 ? path : path.slice(0, colon);
  const name = colon === -1 ? "default" : path.slice(colon + 1);
  return `${module.endsWith(".js") ? module.slice(0, -3) : module}:${name}`;
}

/** The spelling Convex shows in `_scheduled_functions` and logs: `dir/module.js:fn`. */
export function storedPath(canonical: string): string {
  return canonical.replace(":", ".js:");
}

/** How error messages spell it: without `:default`. */
export const shownPath = (canonical: string): string => canonical.replace(/:default$/, "");
