// A coder that looks around for long before it writes a line: dear, but honest in the end.
import { bash, finish, ticket, write } from "@omakase/local-model/script";

const LOOKS = 12;

export default ticket("OMA-6", {
  *coder() {
    for (let look = 1; look <= LOOKS; look++) yield bash("git log --oneline", `Looking around, ${look} of ${LOOKS}.`);
    yield* write("docs/tickets/OMA-6.md", "# Dear but done\n", "Now I know enough.");
    yield finish({
      summary: "Written down.",
      changes: [{ path: "docs/tickets/OMA-6.md", why: "It was asked for." }],
      testsRun: "none",
    });
  },
});
