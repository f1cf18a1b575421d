// Gives functions their names by the language instead of by a call. The CLI's bundler (esbuild, keepNames) wraps every function it
// cannot name otherwise: `s(async () => {}, "get")`, where `s` defines the property `name`. The convex package makes some twenty
// functions for each call of a mutation, so this is a seventh of what a small one costs. `({_:0,"get":async () => {}})["get"]` has
// the same name, the same attributes of it, and costs nothing.
//   N1. The helper is known by its whole shape, where it is declared and by what imports it. Anything else of its kind is left alone.
//   N2. A call is rewritten only where the helper's name means the helper, its arguments are an anonymous function and a literal, and
//       its value is not called on the spot (`this` would change). Everything else, the helper included, stays as it is.
//   N3. No line of a module moves, so stack traces name the same lines. A module that cannot be read is left as it is.
import { dirname, join, normalize } from "node:path";
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
  const texts = new Map<string, string>();
  if (!modules.some(({ source }) => LOOKS_LIKE_HELPER.test(source))) return texts;
  const programs = new Map<string, Program>();
  for (const { path, source } of modules) {
    const program = read(source);
    if (program) programs.set(normalize(path), program);
  }
  const exported = new Map<string, string>();
  for (const [path, program] of programs) {
    const local = helperIn(program);
    const name = local === null ? null : exportedAs(program, local);
    if (name !== null) exported.set(path, name);
  }
  for (const { path, source } of modules) {
    const program = programs.get(normalize(path));
    const helper = program && (helperIn(program) ?? importedHelper(program, path, exported));
    const text = program && helper ? rewritten(source, program, helper) : source;
    if (text !== source) texts.set(path, text);
  }
  return texts;
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

function rewritten(source: string, program: Program, helper: string): string {
  const splices: Splice[] = [];
  const declaredAtTop = bindingsIn(program).filter((name) => name === helper).length;
  if (declaredAtTop > 1 || isAssigned(program, helper)) return source;
  visit(program, null);
  splices.sort((a, b) => a.from - b.from);
  let text = "";
  let at = 0;
  for (const splice of splices) {
    text += source.slice(at, splice.from) + splice.text;
    at = splice.to;
  }
  return text + source.slice(at);

  // N2: inside a function that declares the helper's name, it is something else.
  function visit(node: AnyNode, parent: AnyNode | null): void {
    if (isFunction(node) && bindingsIn(node).includes(helper)) return;
    if (node.type === "CallExpression" && isNamed(node.callee, helper) && !isUsedAtOnce(node, parent)) rewriteCall(node);
    for (const child of childrenOf(node)) visit(child, node);
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

/** Names declared in a function or module, those of its blocks included, those of functions inside it not. */
function bindingsIn(scope: Program | FunctionNode): string[] {
  const names: string[] = [];
  if (scope.type === "Program") for (const statement of scope.body) collect(statement);
  else {
    if (scope.type === "FunctionExpression" && scope.id) names.push(scope.id.name);
    for (const param of scope.params) names.push(...namesOf(param));
    collect(scope.body);
  }
  return names;

  function collect(node: AnyNode): void {
    if (node.type === "VariableDeclarator") names.push(...namesOf(node.id));
    else if (node.type === "CatchClause" && node.param) names.push(...namesOf(node.param));
    else if ((node.type === "ClassDeclaration" || node.type === "ClassExpression") && node.id) names.push(node.id.name);
    else if (
      node.type === "ImportSpecifier" ||
      node.type === "ImportDefaultSpecifier" ||
      node.type === "ImportNamespaceSpecifier"
    )
      names.push(node.local.name);
    if (node.type === "FunctionDeclaration" && node.id) names.push(node.id.name);
    if (!isFunction(node)) for (const child of childrenOf(node)) collect(child);
  }
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

function isAssigned(node: AnyNode, name: string): boolean {
  if (node.type === "AssignmentExpression" && namesOf(node.left).includes(name)) return true;
  if (node.type === "UpdateExpression" && isNamed(node.argument, name)) return true;
  return childrenOf(node).some((child) => isAssigned(child, name));
}

function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) children.push(child);
  }
  return children;
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value;
