// A stand-in for Workers KV in the same process. workerd calls a namespace over its own HTTP protocol. Records are
// lines of `key<TAB>value`, from RECORDS at the start, and from POST requests later.
const records = new Map();
let started = false;

function store(lines) {
  for (const line of lines.split("\n")) {
    const tab = line.indexOf("\t");
    if (tab > 0) records.set(line.slice(0, tab), line.slice(tab + 1));
  }
}

export default {
  async fetch(request, env) {
    if (!started) {
      started = true;
      store(env.RECORDS);
    }
    if (request.method === "POST") {
      store(await request.text());
      return new Response(String(records.size));
    }
    const value = records.get(decodeURIComponent(new URL(request.url).pathname.slice(1)));
    return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
  },
};
