// Chooses the package with the native program of a platform.

const SOURCE = "https://github.com/edgemint/edgemint/blob/main/docs/guides/install.md";

// Returns the name of the package and of the file in it, or an error with its remedy.
// `known`: the names of all packages with programs.
export function choose(platform, arch, glibc, known) {
  if (platform === "linux" && !glibc) {
    return {
      error:
        "edgemint has no program for Linux with musl, such as Alpine. Use an image with glibc, such as node:22-slim, " +
        `or build edgemint with cargo: ${SOURCE}`,
    };
  }
  const abi = { linux: "-gnu", win32: "-msvc" }[platform] ?? "";
  const name = `@edgemint/cli-${platform}-${arch}${abi}`;
  if (!known.includes(name)) {
    return { error: `edgemint has no program for ${platform} on ${arch}. Build it with cargo: ${SOURCE}` };
  }
  return {
    name,
    file: platform === "win32" ? "bin/edgemint.exe" : "bin/edgemint",
    missing:
      `the package ${name} is not installed. npm omits it with --omit=optional, and when node_modules comes from another ` +
      "platform. Remove node_modules, then run `npm install --include=optional`.",
  };
}
