// Gives functions their names by the language instead of by a call. The CLI's bundler (esbuild, keepNames) wraps every function it
// cannot name otherwise: `s(async () => {}, "get")`, where `s` defines the property `name`. The convex package makes some twenty
// functions for each call of a mutation, so this is a seventh of what a small one costs. `({_:0,"get":async () => {}})["get"]` has
// the same name, the same attributes of it, and costs nothing.
//   N1. The helper is known by its whole shape, where it is declared and by what imports it. Anything else of its kind is left alone.
//   N2. A call is rewritten only where the helper's name means the helper, its arguments are an anonymous function and a literal, and
//       its value is not called on the spot (`this` would change). Everything else, the helper included, stays as it is.
//   N3. No line of a module moves, so stack traces name the same lines. A module that cannot be read is left as it is.
import { basename, dirname, join, normalize } from "node:path";
import {
  type AnonymousFunctionDeclaration,
  type AnyNode,
  type ArrowFunctionExpression,
  type CallExpression,
  type FunctionDeclaration,
  type FunctionExpression,
  type Pattern,
  type Program,
  parse,
} from "acorn";

type FunctionNode = ArrowFunctionExpression | FunctionExpression | FunctionDeclaration | AnonymousFunctionDeclaration;

export interface Module {
  readonly path: string;
  readonly source: string;
}

/** What every helper's source has in it: spares reading modules of bundles that keep no names. */
const LOOKS_LIKE_HELPER = /"name",\s*\{\s*value\b/;

/** The text to load for each module of one bundle that has such calls, by the module's path. */
export function nativeNames(modules: readonly Module[]): ReadonlyMap<string, string> {
  const helpers = new Map<string, string>(); // by the path of a module: what it gives the helper to others as
  const texts = new Map<string, string>();
  for (const { path, source } of modules) {
    if (!LOOKS_LIKE_HELPER.test(source)) continue;
    const program = read(source);
    const local = program && helperIn(program);
    if (!local) continue;
    const name = exportedAs(program, local);
    if (name !== null) helpers.set(normalize(path), name);
    note(path, source, rewritten(source, program, local));
  }
  const names = [...helpers.keys()].map((path) => basename(path));
  for (const { path, source } of modules) {
    if (helpers.has(normalize(path)) || !names.some((name) => source.includes(name))) continue;
    const program = read(source);
    const local = program && importedHelper(program, path, helpers);
    if (local) note(path, source, rewritten(source, program, local));
  }
  return texts;

  function note(path: string, source: string, text: string): void {
    if (text !== source) texts.set(path, text);
  }
}

function read(source: string): Program | null {
  try {
    return parse(source, { ecmaVersion: "latest", sourceType: "module" });
  } catch {
    return null; // N3: whoever loads it will say why
  }
}

/** N1: `var c = Object.defineProperty, d = (a, b) => c(a, "name", { value: b, configurable: true })`: "d". */
function helperIn(program: Program): string | null {
  let define: string | null = null;
  for (const statement of program.body) {
    if (statement.type !== "VariableDeclaration") continue;
    for (const { id, init } of statement.declarations) {
      if (id.type !== "Identifier" || !init) continue;
      if (
        init.type === "MemberExpression" &&
        isNamed(init.object, "Object") &&
        !init.computed &&
        isNamed(init.property, "defineProperty")
      )
        define = id.name;
      else if (init.type === "ArrowFunctionExpression" && define !== null && isHelper(init, define)) return id.name;
    }
  }
  return null;
}

function isHelper({ params: [target, value], params, body, async }: ArrowFunctionExpression, define: string): boolean {
  if (async || params.length !== 2 || target?.type !== "Identifier" || value?.type !== "Identifier") return false;
  if (body.type !== "CallExpression" || !isNamed(body.callee, define) || body.arguments.length !== 3) return false;
  const [first, second, third] = body.arguments;
  if (!isNamed(first, target.name) || second?.type !== "Literal" || second.value !== "name") return false;
  if (third?.type !== "ObjectExpression" || third.properties.length !== 2) return false;
  return third.properties.every((property) => {
    if (property.type !== "Property" || property.computed || property.kind !== "init") return false;
    if (isNamed(property.key, "value")) return isNamed(property.value, value.name);
    return isNamed(property.key, "configurable") && isTrue(property.value);
  });
}

const isNamed = (node: AnyNode | undefined, name: string): boolean => node?.type === "Identifier" && node.name === name;

/** `true`, or `!0` for short. */
const isTrue = (node: AnyNode): boolean =>
  node.type === "UnaryExpression"
    ? node.operator === "!" && node.argument.type === "Literal" && node.argument.value === 0
    : node.type === "Literal" && node.value === true;

function exportedAs(program: Program, local: string): string | null {
  for (const statement of program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.source) continue;
    for (const { local: from, exported: to } of statement.specifiers) {
      if (isNamed(from, local) && to.type === "Identifier") return to.name;
    }
  }
  return null;
}

/** What a module calls the helper it imports, or null. @param exported by module, under what name it gives the helper to others */
function importedHelper(program: Program, path: string, exported: ReadonlyMap<string, string>): string | null {
  for (const statement of program.body) {
    if (statement.type !== "ImportDeclaration" || typeof statement.source.value !== "string") continue;
    const name = exported.get(join(dirname(path), statement.source.value));
    for (const specifier of name === undefined ? [] : statement.specifiers) {
      if (specifier.type === "ImportSpecifier" && isNamed(specifier.imported, name ?? "")) return specifier.local.name;
    }
  }
  return null;
}

interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A function, or the module: `isShadowed` when it declares the helper's name itself, in whatever block. */
interface Scope {
  readonly outer: Scope | null;
  isShadowed: boolean;
}

function rewritten(source: string, program: Program, helper: string): string {
  const splices: Splice[] = [];
  const calls: { readonly call: CallExpression; readonly scope: Scope }[] = [];
  const top: Scope = { outer: null, isShadowed: false };
  let declaredAtTop = 0;
  let isAssigned = false;
  visit(program, null, top);
  if (declaredAtTop > 1 || isAssigned) return source;
  for (const { call, scope } of calls) if (!isShadowed(scope)) rewriteCall(call);
  splices.sort((a, b) => a.from - b.from);
  let text = "";
  let at = 0;
  for (const splice of splices) {
    text += source.slice(at, splice.from) + splice.text;
    at = splice.to;
  }
  return text + source.slice(at);

  function visit(node: AnyNode, parent: AnyNode | null, scope: Scope): void {
    if (declares(node, helper)) declared(scope);
    if (node.type === "CallExpression" && isNamed(node.callee, helper) && !isUsedAtOnce(node, parent))
      calls.push({ call: node, scope });
    if (node.type === "AssignmentExpression") isAssigned ||= namesOf(node.left).includes(helper);
    if (node.type === "UpdateExpression") isAssigned ||= isNamed(node.argument, helper);
    let inner = scope;
    if (isFunction(node)) {
      inner = { outer: scope, isShadowed: node.params.some((param) => namesOf(param).includes(helper)) };
      if (node.type === "FunctionExpression" && node.id?.name === helper) inner.isShadowed = true;
    }
    for (const child of childrenOf(node)) visit(child, node, inner);
  }

  function declared(scope: Scope): void {
    scope.isShadowed = scope !== top;
    if (scope === top) declaredAtTop++;
  }

  function rewriteCall({ start, end, arguments: [fn, name, ...more] }: CallExpression): void {
    if (fn?.type !== "ArrowFunctionExpression" && !(fn?.type === "FunctionExpression" && !fn.id)) return;
    if (name?.type !== "Literal" || typeof name.value !== "string" || name.value === "__proto__" || more.length > 0) return;
    const [before, after] = [source.slice(start, fn.start), source.slice(fn.end, end)];
    if (
      !/^[\w$]+\(\s*$/.test(before) ||
      after.replace(/\s+/g, "") !== `,${source.slice(name.start, name.end).replace(/\s+/g, "")})`
    )
      return;
    const literal = JSON.stringify(name.value);
    splices.push({ from: start, to: fn.start, text: `({_:0,${literal}:${linesOf(before)}` }); // alone, Bun's transpiler would take it out, and its name
    splices.push({ from: fn.end, to: end, text: `${linesOf(after)}})[${literal}]` });
  }
}

/** N3 */
const linesOf = (text: string): string => text.replace(/[^\n]/g, "");

/** Called, or the beginning of a statement, where a parenthesis could belong to the line before. */
function isUsedAtOnce(call: CallExpression, parent: AnyNode | null): boolean {
  if (parent?.type === "TaggedTemplateExpression" || parent?.type === "ExpressionStatement") return true;
  if (parent?.type === "MemberExpression") return parent.object === call;
  return (parent?.type === "CallExpression" || parent?.type === "NewExpression") && parent.callee === call;
}

const isFunction = (node: AnyNode): node is FunctionNode =>
  node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression" || node.type === "FunctionDeclaration";

/** Does this node, itself, declare a name in the function it is in? */
function declares(node: AnyNode, name: string): boolean {
  switch (node.type) {
    case "VariableDeclarator":
      return namesOf(node.id).includes(name);
    case "CatchClause":
      return node.param != null && namesOf(node.param).includes(name);
    case "ClassDeclaration":
    case "ClassExpression":
    case "FunctionDeclaration":
      return node.id?.name === name;
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
      return node.local.name === name;
    default:
      return false;
  }
}

/** N2: inside a function that declares the helper's name, it is something else. */
function isShadowed(scope: Scope): boolean {
  for (let at: Scope | null = scope; at; at = at.outer) if (at.isShadowed) return true;
  return false;
}

function namesOf(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        namesOf(property.type === "RestElement" ? property.argument : property.value),
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element ? namesOf(element) : []));
    case "AssignmentPattern":
      return namesOf(pattern.left);
    case "RestElement":
      return namesOf(pattern.argument);
    case "MemberExpression":
      return [];
    default:
      return pattern satisfies never;
  }
}

function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  const fields: Readonly<Record<string, unknown>> = Object(node);
  for (const name in fields) {
    const value = fields[name];
    if (Array.isArray(value)) {
      for (const child of value) if (isNode(child)) children.push(child);
    } else if (isNode(value)) children.push(value);
  }
  return children;
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value;
