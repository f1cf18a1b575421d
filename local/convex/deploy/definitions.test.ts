// What a push may say about components. The fixture's own push request, with one thing in its definitions changed at a time.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningConvex, startConvex } from "../start.ts";
import { ADMIN_KEY, adminPost, COMPONENTS_APP_DIR, pushRequest, tempDir } from "../testing/fixture-deployment.ts";

interface PushRequest {
  appDefinition: { definition: { source: string } };
  componentDefinitions: { definitionPath: string; definition: { source: string }; functions: unknown[] }[];
  forCodegen?: boolean;
}

let server: RunningConvex;
let request: PushRequest;
const data = tempDir();

beforeAll(async () => {
  server = await startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, synchronous: "NORMAL", log: () => {} });
  request = (await pushRequest(server.url, COMPONENTS_APP_DIR)) as PushRequest;
}, 60_000);
afterAll(async () => {
  await server.stop();
  data.remove();
});

const push = (change: (copy: PushRequest) => void): Promise<unknown> => {
  const copy = structuredClone(request);
  change(copy);
  return adminPost(server.url, "deploy2/start_push", copy);
};
const inApp = (from: string, to: string) => (copy: PushRequest) => {
  const { definition } = copy.appDefinition;
  if (!definition.source.includes(from)) throw new Error(`The app's definition does not contain ${from}`);
  definition.source = definition.source.replace(from, to);
};
const component = (copy: PushRequest, name: string) => {
  const found = copy.componentDefinitions.find(({ definitionPath }) => definitionPath.endsWith(name));
  if (found === undefined) throw new Error(`No component ${name}`);
  return found;
};

describe("a push is refused that", () => {
  const refusals: [string, (copy: PushRequest) => void, string][] = [
    [
      "gives a component a value it does not allow",
      inApp('"USD"', '"GBP"'),
      'CURRENCY does not fit what the component "archive" declares',
    ],
    [
      "leaves out a variable a component needs",
      inApp('{CURRENCY:"USD"}', "{}"),
      'CURRENCY is declared by the component "archive" but has no value',
    ],
    [
      "gives a component a variable it does not declare",
      inApp('{CURRENCY:"USD"}', '{CURRENCY:"USD",OTHER:"x"}'),
      "OTHER, which it does not declare",
    ],
    ["uses two components under one name", inApp('name:"archive"', 'name:"ledger"'), 'two components under the name "ledger"'],
    ["gives a component an impossible name", inApp('name:"archive"', 'name:"a/b"'), 'under the name "a/b"'],
    [
      "uses a component it does not bring",
      (copy) => {
        copy.componentDefinitions = copy.componentDefinitions.filter(({ definitionPath }) => !definitionPath.endsWith("stamps"));
      },
      "uses the component ../components/stamps, which is not part of the push",
    ],
    [
      "has a component that uses itself",
      (copy) => {
        const itself = Buffer.from("../components/stamps").toString("base64url");
        const { definition } = component(copy, "stamps");
        definition.source = `import itself from "./_componentDeps/${itself}";\n${definition.source}`;
      },
      "The component ../components/stamps uses itself",
    ],
    [
      "has a component that throws while it is defined",
      (copy) => {
        component(copy, "stamps").definition.source = 'throw new Error("not today")';
      },
      "not today",
    ],
    [
      "gives a component a variable that is no text",
      inApp('{CURRENCY:"USD"}', "{CURRENCY:5}"),
      'convex/convex.config.ts cannot be read: Env var "CURRENCY" must be a string',
    ],
    [
      "has a component that exports something else",
      (copy) => {
        component(copy, "stamps").definition.source = "export default 5";
      },
      "must have a default export made by defineComponent()",
    ],
    [
      "puts a module outside its folder",
      (copy) => component(copy, "stamps").functions.push({ path: "../../x.js", source: "", environment: "isolate" }),
      "Bad module path",
    ],
  ];
  for (const [what, change, expected] of refusals) {
    test(what, async () => {
      const refused = await push(change).catch((error: unknown) => String(error).replaceAll('\\"', '"'));
      expect(refused).toContain(expected);
    });
  }

  test("and nothing is served of it", async () => {
    const list = await adminPost(server.url, "query", { path: "_system/frontend/components:list", args: {}, format: "json" });
    expect(list).toMatchObject({ value: [{ path: "", state: "active" }] });
  });
});

test("code can be generated for a component nobody gives its variables to", async () => {
  const answer = await push((copy) => {
    inApp('{CURRENCY:"USD"}', "{}")(copy);
    copy.forCodegen = true;
  });
  expect(answer).toMatchObject({
    app: { childComponents: { archive: { childComponents: { stamps: { componentPath: "archive/stamps" } } } } },
  });
});
