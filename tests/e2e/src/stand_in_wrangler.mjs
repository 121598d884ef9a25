// A stand-in for wrangler when the commands of a page run. The records and the names of secrets of one deployment are
// in two files of a folder, the first argument. Unsupported commands fail, as they do in wrangler.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const [folder, ...words] = process.argv.slice(2);

function stored(name) {
  try {
    return JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

// The Worker may read the file at any time, so the file must never be half written.
function store(name, value) {
  writeFileSync(`${folder}/${name}.new`, JSON.stringify(value));
  renameSync(`${folder}/${name}.new`, `${folder}/${name}.json`);
}

const [noun, verb, third, fourth] = words;
const records = stored("records");
const secrets = stored("secrets");
const file = () => JSON.parse(readFileSync(fourth, "utf8"));

switch (noun === "kv" ? `kv ${verb} ${third}` : `${noun} ${verb}`) {
  case "kv key list": {
    const prefix = words[words.indexOf("--prefix") + 1];
    const names = Object.keys(records).filter((name) => name.startsWith(prefix));
    console.log(JSON.stringify(names.sort().map((name) => ({ name }))));
    break;
  }
  case "kv bulk get":
    console.log(JSON.stringify(Object.fromEntries(file().map((key) => [key.name ?? key, records[key.name ?? key] ?? null]))));
    break;
  case "kv bulk put":
    for (const { key, value } of file()) records[key] = value;
    store("records", records);
    break;
  case "kv bulk delete":
    for (const key of file()) delete records[key.name ?? key];
    store("records", records);
    break;
  case "secret list":
    console.log(JSON.stringify(Object.keys(secrets).map((name) => ({ name, type: "secret_text" }))));
    break;
  case "secret put":
    store("secrets", { ...secrets, [third]: readFileSync(0, "utf8").trim() });
    break;
  case "secret delete":
    delete secrets[third];
    store("secrets", secrets);
    break;
  default:
    console.error(`the stand-in for wrangler does not support this command: ${words.join(" ")}`);
    process.exit(1);
}
