// A model that answers nonsense.
import { fault, ticket } from "@omakase/local-model/script";

export default ticket("OMA-6", {
  *architect() {
    yield fault({ kind: "nonsense" });
  },
});
