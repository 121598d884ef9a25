// A peer in the same runtime: @openauthjs/openauth with in-memory storage and one provider for clients.
import { issuer } from "@openauthjs/openauth";
import { MemoryStorage } from "@openauthjs/openauth/storage/memory";
import { createSubjects } from "@openauthjs/openauth/subject";

const anything = { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) } };

export default {
  fetch: (request, env, context) => {
    app ??= issuer({
      subjects: createSubjects({ client: anything }),
      storage: MemoryStorage(),
      providers: {
        services: {
          type: "services",
          init() {},
          async client({ clientID, clientSecret }) {
            if (clientSecret !== env.SECRET) throw new Error("wrong secret");
            return { clientID };
          },
        },
      },
      async success(ctx, { clientID }) {
        return ctx.subject("client", { id: clientID });
      },
    });
    return app.fetch(request, env, context);
  },
};

let app;
