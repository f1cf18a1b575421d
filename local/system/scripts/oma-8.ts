// A model that answers with nothing.
import { fault, ticket } from "@omakase/local-model/script";

export default ticket("OMA-8", {
  *architect() {
    yield fault({ kind: "empty" });
  },
});
