// The Worker as deployed, with a route /wasm-memory that returns the size of its memory after V8 has collected its
// garbage.
import { size } from "./wasm_memory.js";
import worker from "./entry.js";

export default {
  fetch(request, env, context) {
    if (request.url.endsWith("/wasm-memory")) {
      // Available with --expose-gc.
      gc();
      return new Response(String(size()));
    }
    return worker.fetch(request, env, context);
  },
};
