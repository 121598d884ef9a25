//! The routes of a Worker as a whole: upload, settings, secrets, deletion.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::account::{Version, Worker};
use super::api::{Answer, ApiError, Call, unknown};
use super::versions::{deploy, uploaded};

pub(super) fn route(call: &mut Call<'_>, method: &str, name: &str, words: &[&str]) -> Answer {
    if let ("PUT", []) = (method, words) {
        return upload(call, name);
    }
    if !call.account().workers.contains_key(name) {
        return Err(ApiError::no_worker());
    }
    match (method, words) {
        // cli.js `getSettings`. The bindings are those of the latest version.
        ("GET", ["settings"]) => {
            let worker = call.account().workers.get(name);
            let latest = worker.and_then(|worker| worker.latest()).ok_or_else(ApiError::no_worker)?;
            Ok(json!({
                "bindings": latest.public_bindings(),
                "compatibility_date": latest.compatibility_date,
                "compatibility_flags": latest.compatibility_flags,
                "usage_model": "standard",
            }))
        }
        // cli.js `patchNonVersionedScriptSettings`; API schema, `worker-script-settings-patch-settings`.
        ("PATCH", ["script-settings"]) => {
            let changes = call.json()?;
            let worker = call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
            for (member, value) in changes.as_object().into_iter().flatten() {
                worker.settings.insert(member.clone(), value.clone());
            }
            Ok(json!(worker.settings))
        }
        // cli.js `fetchSecrets`.
        ("GET", ["secrets"]) => {
            let worker = call.account().workers.get(name);
            let latest = worker.and_then(|worker| worker.latest()).ok_or_else(ApiError::no_worker)?;
            let names = latest.secrets().into_keys();
            Ok(names.map(|name| json!({ "name": name, "type": "secret_text" })).collect())
        }
        // cli.js `secretPutCommand`.
        ("PUT", ["secrets"]) => {
            let secret = call.json()?;
            let named = Version::name(&secret).to_owned();
            change_bindings(call, name, "Created or updated", &named, |bindings| {
                bindings.retain(|one| Version::name(one) != named);
                bindings.push(secret.clone());
                Ok(())
            })?;
            Ok(json!({ "name": named, "type": "secret_text" }))
        }
        // cli.js `secretDeleteCommand`. The code for a secret that does not exist is a guess.
        ("DELETE", ["secrets", secret]) => {
            change_bindings(call, name, "Deleted", secret, |bindings| {
                let count = bindings.len();
                bindings.retain(|one| Version::name(one) != *secret || Version::kind(one) != "secret_text");
                let is_gone = bindings.len() < count;
                is_gone.then_some(()).ok_or_else(|| ApiError::new(404, 10056, "Binding not found."))
            })?;
            Ok(Value::Null)
        }
        // cli.js `checkAndConfirmForceDeleteIfNecessary`: no other Worker calls this one.
        ("GET", ["references"]) => {
            Ok(json!({ "services": { "incoming": [], "outgoing": [] }, "durable_objects": [] }))
        }
        _ => unknown(call),
    }
}

/// cli.js `preUploadApiChecks` (GET) and `deleteCommand` (DELETE).
pub(super) fn service(call: &mut Call<'_>, method: &str, name: &str) -> Answer {
    let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
    match method {
        "GET" => Ok(json!({
            "id": name,
            "default_environment": {
                "environment": "production",
                "script": {
                    "id": name,
                    "tag": format!("tag-of-{name}"),
                    "tags": worker.settings.get("tags").cloned().unwrap_or_else(|| json!([])),
                    "last_deployed_from": "wrangler",
                    "migration_tag": worker.migration_tag,
                },
            },
        })),
        "DELETE" => {
            worker.edge.switch(Vec::new(), std::time::Duration::ZERO);
            call.account().workers.remove(name);
            Ok(Value::Null)
        }
        _ => unknown(call),
    }
}

/// cli.js `deployWorker`, for the first upload and for one with migrations, and `createDraftWorker`. The new version is
/// deployed at once.
fn upload(call: &mut Call<'_>, name: &str) -> Answer {
    let is_new = !call.account().workers.contains_key(name);
    let edge = call.shared.edge(name);
    call.account().workers.entry(name.to_owned()).or_insert_with(|| Worker::new(edge));
    let count = call.account().workers.get(name).map_or(0, |worker| worker.versions.len());
    let id = uploaded(call, name).and_then(|version| {
        let id = version.id.clone();
        call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?.versions.push(version);
        deploy(call, name, vec![(id.clone(), 100.0)], json!({ "workers/triggered_by": "upload" })).map(|_| id)
    });
    let id = id.inspect_err(|_| {
        // A version that cannot start leaves no trace.
        if is_new {
            call.account().workers.remove(name);
        } else if let Some(worker) = call.account().workers.get_mut(name) {
            worker.versions.truncate(count);
        }
    })?;
    Ok(json!({ "id": name, "etag": id, "deployment_id": id.replace('-', ""), "startup_time_ms": 1 }))
}

/// Deploys a version with other secrets. Cloudflare makes one for each change of a secret. The code and the text for a
/// Worker whose latest version is not deployed are in cli.js (`VERSION_NOT_DEPLOYED_ERR_CODE`) and issue 10585 of
/// workers-sdk.
fn change_bindings(
    call: &mut Call<'_>,
    name: &str,
    done: &str,
    secret: &str,
    change: impl Fn(&mut Vec<Value>) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
    if !worker.latest_is_deployed() {
        return Err(ApiError::new(
            400,
            10215,
            "Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't \
             currently deployed.",
        ));
    }
    let mut version = worker.latest().ok_or_else(ApiError::no_worker)?.clone();
    change(&mut version.bindings)?;
    let names: BTreeSet<&str> = version.bindings.iter().map(Version::name).collect();
    if names.len() < version.bindings.len() {
        return Err(ApiError::new(400, 10053, format!("Binding name '{secret}' already in use.")));
    }
    (version.number, version.annotations) = (version.number + 1, json!({ "workers/triggered_by": "secret" }));
    version.annotations["workers/message"] = json!(format!("{done} secret {secret}"));
    (version.id, version.created_on) = (call.state.new_uuid(), call.state.tick());
    let (id, annotations) = (version.id.clone(), version.annotations.clone());
    let worker = call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
    worker.versions.push(version);
    deploy(call, name, vec![(id, 100.0)], annotations).map(drop)
}
