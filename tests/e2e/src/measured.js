// The Worker as it is deployed, and at /wasm-memory how large its memory is, when V8 has collected its garbage.
import { size } from "./wasm_memory.js";
import worker from "./entry.js";

export default {
  fetch(request, env, context) {
    if (request.url.endsWith("/wasm-memory")) {
      // With --expose-gc.
      gc();
      return new Response(String(size()));
    }
    return worker.fetch(request, env, context);
  },
};
