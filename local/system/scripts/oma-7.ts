// A model whose service is overloaded and stays so.
import { fault, ticket } from "@omakase/local-model/script";

export default ticket("OMA-7", {
  *architect() {
    yield fault({ kind: "status", status: 529 });
  },
});
