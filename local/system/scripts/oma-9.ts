// A coder that says it is done and has changed nothing.
import { finish, ticket } from "@omakase/local-model/script";

export default ticket("OMA-9", {
  *coder() {
    yield finish({ summary: "Everything is done.", changes: [], testsRun: "bun test: 0 fail" });
  },
});
