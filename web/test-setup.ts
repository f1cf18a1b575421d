// A document for component tests. happy-dom brings a fetch of its own, which breaks `Bun.serve` in the same process: the native ones
// stay.

import { afterEach } from "bun:test";
import { GlobalRegistrator } from "@happy-dom/global-registrator";

const { fetch, Request, Response, Headers } = globalThis;
GlobalRegistrator.register({ url: "http://localhost:3000/" });
Object.assign(globalThis, { fetch, Request, Response, Headers });

// Imported only now: Testing Library looks for a document when it is loaded.
const { cleanup } = await import("@testing-library/react");
afterEach(cleanup);
