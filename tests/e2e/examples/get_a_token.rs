//! The Rust program of docs/guides/get-a-token.md. A test compares it with the page, from the first empty line on.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a short program for a terminal, which has no host"
)]

use std::env::var;
use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Gets tokens and keeps each until a minute before it expires. Share it between threads in a `Mutex`.
struct Tokens {
    agent: ureq::Agent,
    url: String,
    form: Vec<(&'static str, String)>,
    token: Option<(String, Instant)>,
}

impl Tokens {
    fn new(issuer: &str, id: String, secret: String, resource: Option<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)));
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", id),
            ("client_secret", secret),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        let url = format!("{}/token", issuer.trim_end_matches('/'));
        Self { agent: config.build().into(), url, form, token: None }
    }

    fn get(&mut self) -> Result<String, Box<dyn Error>> {
        if let Some((token, renew_at)) = &self.token
            && Instant::now() < *renew_at
        {
            return Ok(token.clone());
        }
        let asked_at = Instant::now();
        let answer: serde_json::Value = serde_json::from_str(&self.request()?)?;
        let token = answer["access_token"].as_str().ok_or("no access_token")?.to_owned();
        let lifetime = answer["expires_in"].as_u64().unwrap_or(0);
        let renew_at = asked_at + Duration::from_secs(lifetime.saturating_sub(60));
        self.token = Some((token.clone(), renew_at));
        Ok(token)
    }

    /// Tries again after 429 and 503, when Retry-After says, up to five times in all. Never after 401.
    fn request(&self) -> Result<String, Box<dyn Error>> {
        let mut attempt = 1;
        loop {
            let mut response =
                self.agent.post(&self.url).send_form(self.form.iter().map(|(name, value)| (*name, value)))?;
            let status = response.status().as_u16();
            if !matches!(status, 429 | 503) || attempt == 5 {
                let body = response.body_mut().read_to_string()?;
                return if status == 200 {
                    Ok(body)
                } else {
                    Err(format!("no token: {status} {body}").into())
                };
            }
            let after =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            sleep(Duration::from_secs(after.unwrap_or(1 << attempt)));
            attempt += 1;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut tokens =
        Tokens::new(&var("ISSUER")?, var("CLIENT_ID")?, var("CLIENT_SECRET")?, var("RESOURCE").ok());
    println!("{}", tokens.get()?); // Call get() before each request to the API.
    Ok(())
}
