// Prints Linear's GraphQL schema from the SDK's types, so that the server validates against exactly the schema of the
// SDK in use and an SDK upgrade upgrades the server. Nothing is vendored.
//   L1. The schema holds what Query and Mutation reach, and no SDK helper type.
import type { SdkObject, SdkTypes } from "./sdk-types.ts";

const BUILT_IN_SCALARS = new Set(["ID", "String", "Boolean", "Int", "Float"]);

/** GraphQL's notation for a generated TypeScript type: `Maybe<Array<Issue>>` is `[Issue!]`. */
function graphqlType(type: string): string {
  const maybe = /^(?:Input)?Maybe<(.+)>$/.exec(type)?.[1];
  if (maybe !== undefined) return graphqlType(maybe).replace(/!$/, "");
  const array = /^Array<(.+)>$/.exec(type)?.[1];
  if (array !== undefined) return `[${graphqlType(array)}]!`;
  const scalar = /^Scalars\["(\w+)"\]$/.exec(type)?.[1];
  // The SDK's generator writes two comparators' names with a small d; the server's own errors spell them so.
  return `${(scalar ?? type).replace(/^(Issue)?IdComparator$/, "$1IDComparator")}!`;
}

/** The bare name inside a GraphQL type: `[Issue!]!` is `Issue`. */
const bareName = (type: string): string => type.replace(/[[\]!]/g, "");

/** Prints the schema definition language (about 500 kB, 30 ms). The same types give the same text. */
export function printSdl(types: SdkTypes): string {
  const { enums, unions, objects } = types;
  const customScalars = types.scalars.filter((name) => !BUILT_IN_SCALARS.has(name));
  const known = new Set([...types.scalars, ...BUILT_IN_SCALARS, ...enums.keys(), ...unions.keys(), ...objects.keys()]);
  const sdkName = (name: string) => name.replace(/^(Issue)?IDComparator$/, "$1IdComparator");
  const isKnown = (type: string) => known.has(bareName(type)) || known.has(sdkName(bareName(type)));
  // The generator re-cases acronyms in argument lists (`attachmentLinkGitHubPR` has `…GitHubPrArgs`): match loosely.
  const argumentLists = new Map([...objects.values()].map((object) => [object.name.toLowerCase(), object]));
  const argumentsOf = (owner: string, field: string) => argumentLists.get(`${owner}${field}Args`.toLowerCase())?.fields ?? [];
  const interfaces = new Set(
    [...objects.values()].flatMap((object) => (object.isOutput ? object.parents : [])).filter((name) => objects.has(name)),
  );
  const implementers = (name: string) =>
    [...objects.values()].filter((object) => object.isOutput && object.parents.includes(name));

  const lines = customScalars.map((name) => `scalar ${name}`);
  const seen = new Set<string>();

  const printObject = (object: SdkObject): string[] => {
    const isInterface = interfaces.has(object.name);
    const isInput = !isInterface && !object.isOutput;
    const parents = isInput ? [] : object.parents.filter((name) => interfaces.has(name));
    const fields = new Map(object.fields.map((field) => [field.name, field.type]));
    for (const parent of object.parents) {
      for (const field of objects.get(parent)?.fields ?? []) if (!fields.has(field.name)) fields.set(field.name, field.type);
    }
    const reached = [...parents, ...(isInterface ? implementers(object.name).map((type) => type.name) : [])];
    const body: string[] = [];
    for (const [name, type] of fields) {
      const printed = graphqlType(type);
      if (!isKnown(printed)) continue;
      const args = isInput
        ? []
        : ([object.name, ...parents].map((owner) => argumentsOf(owner, name)).find((list) => list.length > 0) ?? []);
      reached.push(printed, ...args.map((arg) => graphqlType(arg.type)));
      const printedArgs = args.map((arg) => `${arg.name}: ${graphqlType(arg.type)}`).join(", ");
      body.push(`  ${name}${printedArgs && `(${printedArgs})`}: ${printed}`);
    }
    const kind = isInterface ? "interface" : isInput ? "input" : "type";
    const implemented = parents.length > 0 ? ` implements ${parents.join(" & ")}` : "";
    lines.push(`${kind} ${graphqlType(object.name).slice(0, -1)}${implemented} {\n${body.join("\n")}\n}`);
    return reached;
  };

  const visit = (type: string): void => {
    const name = sdkName(bareName(type));
    if (seen.has(name)) return;
    seen.add(name);
    const values = enums.get(name);
    if (values) {
      lines.push(`enum ${name} { ${values.join(" ")} }`);
      return;
    }
    const members = unions.get(name);
    if (members) {
      lines.push(`union ${name} = ${members.join(" | ")}`);
      members.forEach(visit);
      return;
    }
    const object = objects.get(name);
    if (object) printObject(object).forEach(visit);
  };
  visit("Query"); // L1
  visit("Mutation");
  return lines.join("\n");
}
