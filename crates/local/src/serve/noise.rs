//! wrangler's lines that a developer does not need to see. Unknown lines are shown.

const NOISE: [&str; 14] = [
    "Using secrets defined in ",
    "Your Worker has access to the following bindings",
    "Binding  ",
    "env.",
    "⎔ ",
    "[wrangler:info] Ready on ",
    "[wrangler:info] Updated and ready on ",
    "⛅️ wrangler",
    "───",
    "[custom build] Running:",
    "Local server updated and ready",
    "🪵  Logs were written to",
    "│",
    "[wrangler:warn] Unable to fetch the `Request.cf` object!",
];

/// Whether the line says nothing about the Worker.
pub fn is_noise(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "[custom build]" || NOISE.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::is_noise;

    #[test]
    fn wranglers_own_lines_are_noise() {
        for line in [
            "",
            " ⛅️ wrangler 4.164.0",
            "env.CLIENTS      KV Namespace   local",
            "⎔ Starting local server...",
        ] {
            assert!(is_noise(line), "{line}");
        }
    }

    #[test]
    fn requests_errors_and_the_workers_lines_are_not() {
        for line in
            ["[wrangler:info] POST /token 200 OK (3ms)", r#"{"event":"token"}"#, "✘ [ERROR] Build failed"]
        {
            assert!(!is_noise(line), "{line}");
        }
    }
}
