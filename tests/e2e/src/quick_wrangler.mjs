// A quick client of the same API for the commands of wrangler that pages repeat, because wrangler needs a second of CPU
// time to start. It runs the real wrangler, the first argument, for every other command.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const [wrangler, ...words] = process.argv.slice(2);
const { CLOUDFLARE_API_BASE_URL: base, CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: account } = process.env;

async function call(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${base}/accounts/${account}/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const { success, result, errors } = await response.json();
  if (success) return result;
  console.error(`[ERROR] ${errors.map(({ code, message }) => `${message} [code: ${code}]`).join("\n")}`);
  process.exit(1);
}

/** The namespace of the environment `production` in wrangler.toml. */
function namespace() {
  const config = readFileSync("wrangler.toml", "utf8");
  const [, id] = /\[\[env\.production\.kv_namespaces\]\]\s+binding = "CLIENTS"[^[]*?id = "(\w+)"/.exec(config);
  return `storage/kv/namespaces/${id}`;
}

const [noun, verb, third, fourth] = words;
const file = () => JSON.parse(readFileSync(fourth, "utf8"));
const secrets = "workers/scripts/edgemint/secrets";

switch (noun === "kv" ? `kv ${verb} ${third}` : `${noun} ${verb}`) {
  case "kv key list": {
    const prefix = encodeURIComponent(words[words.indexOf("--prefix") + 1]);
    console.log(JSON.stringify(await call("GET", `${namespace()}/keys?prefix=${prefix}`)));
    break;
  }
  case "kv bulk get": {
    const { values } = await call("POST", `${namespace()}/bulk/get`, { keys: file() });
    console.log(JSON.stringify(values));
    break;
  }
  case "kv bulk put":
    await call("PUT", `${namespace()}/bulk`, file());
    break;
  case "kv bulk delete":
    await call("DELETE", `${namespace()}/bulk`, file());
    break;
  case "secret list":
    console.log(JSON.stringify(await call("GET", secrets)));
    break;
  case "secret put":
    await call("PUT", secrets, { name: third, text: readFileSync(0, "utf8").trim(), type: "secret_text" });
    break;
  case "secret delete":
    await call("DELETE", `${secrets}/${encodeURIComponent(third)}`);
    break;
  default:
    process.exit(spawnSync(wrangler, words, { stdio: "inherit" }).status ?? 1);
}
