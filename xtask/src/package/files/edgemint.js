#!/usr/bin/env node
// Runs the native program `edgemint` of this platform. npm installs it as an optional dependency, without scripts.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { constants } from "node:os";

import { choose } from "../lib/platform.js";

const require = createRequire(import.meta.url);
const manifest = require("../package.json");

// The environment tells the program where this installation has the Worker, wrangler and Node.
function environment() {
  const found = { EDGEMINT_NODE: process.execPath };
  try {
    found.EDGEMINT_WORKER_DIR = dirname(require.resolve("@edgemint/worker/package.json"));
  } catch {}
  try {
    const wrangler = require.resolve("wrangler/package.json");
    const { bin } = JSON.parse(readFileSync(wrangler, "utf8"));
    found.EDGEMINT_WRANGLER = join(dirname(wrangler), bin.wrangler);
  } catch {}
  return { ...process.env, ...found };
}

function start() {
  const glibc = process.platform !== "linux" || Boolean(process.report.getReport().header.glibcVersionRuntime);
  const chosen = choose(process.platform, process.arch, glibc, Object.keys(manifest.optionalDependencies));
  let program = chosen.error ? undefined : chosen;
  if (program) {
    try {
      program = require.resolve(`${program.name}/${program.file}`);
    } catch {
      chosen.error = chosen.missing;
    }
  }
  if (chosen.error) {
    console.error(`error: ${chosen.error}`);
    process.exit(1);
  }
  const child = spawn(program, process.argv.slice(2), { stdio: "inherit", env: environment() });
  child.on("error", (error) => {
    console.error(`error: cannot run ${program}: ${error.message}`);
    process.exit(1);
  });
  // A terminal sends Ctrl-C to the program, too. Other signals arrive only here.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

start();
