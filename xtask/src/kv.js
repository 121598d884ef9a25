// Stands in for Workers KV in bare workerd: records in memory, spoken to as workerd speaks to a namespace. RECORDS has
// some of them; the others are made of MANY, a record with the ID "service-N", for every N. A request to /fault/NAME
// (from a test, through a socket of its own) makes every later one fail in that way.
let stored;
let fault = "none";
const faults = {
  none: (answer) => answer(),
  throw: () => new Response("the stand-in fails on command", { status: 500 }),
  hang: () => new Promise((resolve) => setTimeout(() => resolve(new Response(null, { status: 500 })), 60_000)),
  garbage: (answer, key) => (key.startsWith("client:") ? new Response('{"v":1,"id":') : answer()),
};
export default {
  async fetch(request, env) {
    stored ??= new Map(Object.entries(JSON.parse(env.RECORDS)));
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    if (env.CONTROL === url.hostname) return new Response((fault = key.replace("fault/", "")));
    return faults[fault](async () => {
      if (request.method === "PUT") {
        stored.set(key, await request.text());
        return new Response(null);
      }
      const many = /^client:(service-\d+)$/.exec(key);
      const value = many ? env.MANY.replaceAll("service-N", many[1]) : stored.get(key);
      return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
    }, key);
  },
};
