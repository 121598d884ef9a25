//! The routes of versions and deployments, and what a deployment does.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::account::{Deployment, Version};
use super::api::{Answer, ApiError, Call, unknown};
use super::instance::Instance;
use super::multipart;

/// Cloudflare's limit for a Worker after compression is 10 MB. This bounds what is uploaded before it.
const MAX_UPLOAD: usize = 64 * 1024 * 1024;

pub(super) fn route(call: &mut Call<'_>, method: &str, name: &str, words: &[&str]) -> Answer {
    if !call.account().workers.contains_key(name) {
        return Err(ApiError::no_worker());
    }
    match (method, words) {
        // cli.js `deployWorker`, for a Worker that exists and an upload without migrations.
        ("POST", ["versions"]) => {
            let version = uploaded(call, name)?;
            let described = version.described();
            let worker = call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
            worker.versions.push(version);
            Ok(described)
        }
        // cli.js `fetchDeployableVersions`: the newest is the first.
        ("GET", ["versions"]) => {
            let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
            let items: Vec<Value> = worker.versions.iter().rev().take(100).map(Version::described).collect();
            Ok(json!({ "items": items }))
        }
        // cli.js `fetchVersion`. The code for a version that does not exist is a guess.
        ("GET", ["versions", id]) => {
            let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
            worker.version(id).map(Version::described).ok_or_else(no_version)
        }
        // cli.js `fetchLatestDeployments`: the newest is the first.
        ("GET", ["deployments"]) => {
            let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
            let deployments: Vec<Value> =
                worker.deployments.iter().rev().map(Deployment::described).collect();
            Ok(json!({ "deployments": deployments }))
        }
        ("POST", ["deployments"]) => create_deployment(call, name),
        _ => unknown(call),
    }
}

fn no_version() -> ApiError {
    ApiError::new(404, 10222, "Version not found.")
}

/// cli.js `createDeployment`, and `versionsRollbackCommand` for 10220, which `?force=true` overrides.
fn create_deployment(call: &mut Call<'_>, name: &str) -> Answer {
    let body = call.json()?;
    let versions = body.get("versions").and_then(Value::as_array).into_iter().flatten();
    let versions: Vec<(String, f64)> = versions
        .filter_map(|one| {
            Some((one.get("version_id")?.as_str()?.to_owned(), one.get("percentage")?.as_f64()?))
        })
        .collect();
    let sum: f64 = versions.iter().map(|(_, percentage)| percentage).sum();
    if versions.is_empty() || versions.len() > 2 || (sum - 100.0).abs() > f64::EPSILON {
        return Err(ApiError::new(400, 10021, "a deployment has one or two versions, and 100 percent"));
    }
    // API schema, `force`: for "rolling back to an older version when a secret has changed".
    let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
    let latest = worker.latest().map(|version| version.id.as_str());
    let is_older = versions.iter().any(|(id, _)| Some(id.as_str()) != latest);
    if is_older && call.request.parameter("force").as_deref() != Some("true") {
        let changed = changed_secrets(call, name, &versions)?;
        if !changed.is_empty() {
            let changed = changed.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("The following secrets have changed: {changed}");
            return Err(ApiError::new(400, 10220, message));
        }
    }
    let annotations = body.get("annotations").cloned().unwrap_or_else(|| json!({}));
    deploy(call, name, versions, annotations)
}

/// The secrets that differ between the versions to deploy and the deployed one. That a version keeps the secrets that
/// it had, and that an upload has those of the latest version, is how Cloudflare describes versions. Which differences
/// lead to 10220 is a guess.
fn changed_secrets(
    call: &mut Call<'_>,
    name: &str,
    versions: &[(String, f64)],
) -> Result<BTreeSet<String>, ApiError> {
    let worker = call.account().workers.get(name).ok_or_else(ApiError::no_worker)?;
    let deployed = worker.deployments.last().and_then(|one| worker.version(&one.versions.first()?.0));
    let Some(deployed) = deployed.map(Version::secrets) else { return Ok(BTreeSet::new()) };
    let mut changed = BTreeSet::new();
    for (id, _) in versions {
        let wanted = worker.version(id).ok_or_else(no_version)?.secrets();
        let names = deployed.keys().chain(wanted.keys());
        changed.extend(
            names.filter(|name| deployed.get(*name) != wanted.get(*name)).map(|name| (*name).to_owned()),
        );
    }
    Ok(changed)
}

/// Starts the versions, and switches to them when all of them accept requests.
pub(super) fn deploy(
    call: &mut Call<'_>,
    name: &str,
    versions: Vec<(String, f64)>,
    annotations: Value,
) -> Answer {
    let (log, overlap) = (call.shared.log.clone(), call.state.overlap);
    let (id, created_on) = (call.state.new_uuid(), call.state.tick());
    let account = call.account();
    let worker = account.workers.get(name).ok_or_else(ApiError::no_worker)?;
    let mut instances = Vec::new();
    for (id, percentage) in &versions {
        let version = worker.version(id).ok_or_else(no_version)?;
        let instance = Instance::start(worker, version, &account.namespaces, &log);
        // cli.js handles 10021: the script could not be validated.
        let instance = instance.map_err(|why| ApiError::new(400, 10021, why))?;
        instances.push((Arc::new(instance), *percentage));
    }
    let deployment = Deployment { id, created_on, annotations, versions };
    let described = deployment.described();
    let worker = account.workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
    worker.edge.switch(instances, overlap);
    worker.deployments.push(deployment);
    Ok(described)
}

/// The metadata of an upload, and its modules by name.
fn form(call: &Call<'_>) -> Result<(Value, Vec<(String, Vec<u8>)>), ApiError> {
    let invalid = |why: &str| ApiError::new(400, 10021, why.to_owned());
    let request = call.request;
    if request.body.len() > MAX_UPLOAD {
        return Err(ApiError::new(413, 10027, "Your Worker exceeded the size limit."));
    }
    let parts = multipart::parts(request.header("content-type").unwrap_or_default(), &request.body);
    let mut parts = parts.ok_or_else(|| invalid("the upload is no form"))?;
    let metadata = parts.iter().position(|part| part.name == "metadata").map(|at| parts.remove(at));
    let metadata = metadata.and_then(|part| serde_json::from_slice::<Value>(&part.body).ok());
    let metadata = metadata.ok_or_else(|| invalid("the upload has no metadata"))?;
    let modules = parts
        .into_iter()
        .filter(|part| part.content_type.as_deref() != Some("application/source-map"))
        .map(|part| (part.name, part.body))
        .collect();
    Ok((metadata, modules))
}

/// The version in an upload. cli.js `createWorkerUploadForm` has the form: `metadata`, and a part for each module.
pub(super) fn uploaded(call: &mut Call<'_>, name: &str) -> Result<Version, ApiError> {
    let (metadata, modules) = form(call)?;
    let main_module = metadata.get("main_module").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !modules.iter().any(|(name, _)| *name == main_module) {
        return Err(ApiError::new(400, 10021, format!("No such module: {main_module}")));
    }
    if let Some(migrations) = metadata.get("migrations") {
        migrate(call, name, migrations)?;
    }
    let list = |member: &str| metadata.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let texts = |member: &str| -> Vec<String> {
        list(member).iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let (id, created_on) = (call.state.new_uuid(), call.state.tick());
    let latest = call.account().workers.get(name).and_then(|worker| worker.latest());
    let number = latest.map_or(0, |version| version.number) + 1;
    let bindings = with_kept(list("bindings"), &texts("keep_bindings"), latest)?;
    check_resources(call, name, &bindings)?;
    let annotations =
        metadata.get("annotations").cloned().unwrap_or_else(|| json!({ "workers/triggered_by": "upload" }));
    let date = metadata.get("compatibility_date").and_then(Value::as_str).map(str::to_owned);
    Ok(Version {
        id,
        number,
        created_on,
        annotations,
        main_module,
        modules,
        bindings,
        compatibility_date: date,
        compatibility_flags: texts("compatibility_flags"),
    })
}

/// Checks that what an upload binds exists. The code and the text for a KV namespace are in many issues of workers-sdk.
fn check_resources(call: &mut Call<'_>, name: &str, bindings: &[Value]) -> Result<(), ApiError> {
    let account = call.account();
    let classes = account.workers.get(name).map(|worker| &worker.classes);
    for binding in bindings {
        let text = |member: &str| binding.get(member).and_then(Value::as_str).unwrap_or_default();
        match Version::kind(binding) {
            "kv_namespace" if !account.namespaces.contains_key(text("namespace_id")) => {
                let message = format!("KV namespace '{}' not found.", text("namespace_id"));
                return Err(ApiError::new(400, 10041, message));
            }
            "durable_object_namespace" if classes.is_none_or(|known| !known.contains(text("class_name"))) => {
                let message =
                    format!("Cannot create binding for class {}: no such class.", text("class_name"));
                return Err(ApiError::new(400, 10061, message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Carries out the migrations of an upload: `{ old_tag, new_tag, steps: [{ new_sqlite_classes, … }] }`, as cli.js
/// (`getMigrationsToUpload`) sends those that the Worker has not had. The code for a wrong tag is in its texts.
fn migrate(call: &mut Call<'_>, name: &str, migrations: &Value) -> Result<(), ApiError> {
    let text = |member: &str| migrations.get(member).and_then(Value::as_str).map(str::to_owned);
    let worker = call.account().workers.get_mut(name).ok_or_else(ApiError::no_worker)?;
    if text("old_tag") != worker.migration_tag {
        return Err(ApiError::new(412, 10079, "the migration tag of the Worker is not the expected one"));
    }
    let steps = migrations.get("steps").and_then(Value::as_array).into_iter().flatten();
    for (kind, value) in steps.filter_map(Value::as_object).flatten() {
        let classes =
            value.as_array().into_iter().flatten().filter_map(|class| Some(class.as_str()?.to_owned()));
        match kind.as_str() {
            "new_classes" | "new_sqlite_classes" => worker.classes.extend(classes),
            "deleted_classes" => {
                for class in classes {
                    worker.classes.remove(&class);
                }
            }
            other => {
                return Err(ApiError::new(400, 10021, format!("the rehearsal does not support {other}")));
            }
        }
    }
    worker.migration_tag = text("new_tag");
    Ok(())
}

/// The bindings of an upload, with those of the latest version that it keeps: by type (`keep_bindings`), or by name
/// (`inherit`, whose error 10057 is in cli.js, `INVALID_INHERIT_BINDING_CODE`).
fn with_kept(
    mut bindings: Vec<Value>,
    kinds: &[String],
    latest: Option<&Version>,
) -> Result<Vec<Value>, ApiError> {
    let known = latest.map(|version| version.bindings.as_slice()).unwrap_or_default();
    for binding in bindings.iter_mut().filter(|binding| Version::kind(binding) == "inherit") {
        let name = Version::name(binding).to_owned();
        let inherited = known.iter().find(|one| Version::name(one) == name);
        let missing = || ApiError::new(400, 10057, format!("the latest version has no binding '{name}'"));
        *binding = inherited.ok_or_else(missing)?.clone();
    }
    for kept in known.iter().filter(|binding| kinds.iter().any(|kind| kind == Version::kind(binding))) {
        if !bindings.iter().any(|binding| Version::name(binding) == Version::name(kept)) {
            bindings.push(kept.clone());
        }
    }
    Ok(bindings)
}
