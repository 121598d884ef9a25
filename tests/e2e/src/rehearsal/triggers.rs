//! The routes that make a Worker reachable: workers.dev, routes and custom domains.

use std::sync::MutexGuard;

use serde_json::{Value, json};

use super::State;
use super::account::Worker;
use super::api::{Answer, ApiError, Call, unknown};

pub(super) fn route(call: &mut Call<'_>, method: &str, name: &str, words: &[&str]) -> Answer {
    let body = if method == "GET" { Value::Null } else { call.json()? };
    let texts = |list: &Value, member: &str| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(|item| Some(item.get(member)?.as_str()?.to_owned())).collect()
    };
    let worker = call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
    let answer = match (method, words) {
        // cli.js `subdomainDeploy`.
        ("POST", ["subdomain"]) => {
            worker.is_on_workers_dev = body.get("enabled") == Some(&Value::Bool(true));
            Ok(subdomain(worker, &body))
        }
        // cli.js `publishRoutes`.
        ("PUT", ["routes"]) => {
            worker.routes = texts(&body, "pattern");
            Ok(json!(worker.routes.iter().map(|pattern| json!({ "pattern": pattern })).collect::<Vec<_>>()))
        }
        // cli.js `publishCustomDomains`: nothing conflicts, because the account has no other Workers at this domain.
        ("POST", ["domains", "changeset"]) => {
            let names = texts(&body, "hostname");
            let added: Vec<Value> = names
                .iter()
                .filter(|name| !worker.domains.contains(name))
                .map(|name| json!({ "hostname": name }))
                .collect();
            Ok(json!({ "added": added, "removed": [], "updated": [], "conflicting": [] }))
        }
        ("PUT", ["domains", "records"]) => {
            worker.domains = texts(body.get("origins").unwrap_or(&Value::Null), "hostname");
            Ok(json!([]))
        }
        // cli.js `triggersDeploy`, for a configuration with cron triggers, which edgemint has not.
        ("PUT", ["schedules"]) => Ok(json!({ "schedules": body })),
        _ => return unknown(call),
    };
    worker.apply_triggers();
    answer
}

/// cli.js `getWorkerSubdomain`.
pub(super) fn subdomain_of(call: &mut Call<'_>, name: &str) -> Answer {
    let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
    Ok(json!({ "id": name, "name": name, "subdomain": subdomain(worker, &Value::Null) }))
}

fn subdomain(worker: &Worker, asked: &Value) -> Value {
    let previews = asked.get("previews_enabled").and_then(Value::as_bool).unwrap_or_default();
    json!({ "enabled": worker.is_on_workers_dev, "previews_enabled": previews })
}

/// cli.js `getZoneIdFromHost`: the account has the zone `example.com`, as in the documentation.
pub(super) fn zones(mut state: MutexGuard<'_, State>, method: &str, words: &[&str]) -> Answer {
    match (method, words) {
        ("GET", ["zones"]) => {
            Ok(json!([{ "id": "023e105f4ecef8ad9ca31a8372d0c353", "name": "example.com" }]))
        }
        _ => {
            let path = format!("/{}", words.join("/"));
            state.unknown.push(format!("{method} {path}"));
            Err(ApiError::new(404, 7003, format!("Could not route to {path}")))
        }
    }
}
