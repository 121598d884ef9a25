//! The routes of Workers KV, with the limits of Cloudflare's API.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::account::{Namespace, Version};
use super::api::{Answer, ApiError, Call, unknown};
use super::http::unescaped;

/// The limits in the API schema: pairs per bulk write and delete, keys per bulk read, and keys per page of a list.
const MAX_WRITE: usize = 10_000;
const MAX_READ: usize = 100;
const MAX_LIST: usize = 1000;

/// The limits of Workers KV: bytes of a key, and of a value.
const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 25 * 1024 * 1024;

pub(super) fn route(call: &mut Call<'_>, method: &str, words: &[&str]) -> Answer {
    match (method, words) {
        ("POST", []) => create(call),
        ("GET", []) => list_namespaces(call),
        // cli.js `deleteKVNamespace`.
        ("DELETE", [id]) => {
            let users = call.account().workers.iter().filter(|(_, worker)| {
                let served =
                    worker.deployments.last().and_then(|one| worker.version(&one.versions.first()?.0));
                served.is_some_and(|version| is_bound(version, id))
            });
            let users: Vec<String> = users.map(|(name, _)| name.clone()).collect();
            // The behaviour is a guess: the API schema says nothing about a namespace in use.
            if let Some(user) = users.first() {
                let message = format!("namespace is in use by the Worker '{user}'");
                return Err(ApiError::new(400, 10100, message));
            }
            call.account().namespaces.remove(*id).map(|_| json!({})).ok_or_else(no_namespace)
        }
        (_, [id, rest @ ..]) => {
            let records = call.account().namespaces.get(*id).ok_or_else(no_namespace)?.records.clone();
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            match (method, rest) {
                ("GET", ["keys"]) => keys(call, &records),
                ("PUT", ["bulk"]) => put(call, &mut records),
                // cli.js `deleteKVBulkKeyValue` still uses DELETE; the SDK in it uses POST.
                ("DELETE", ["bulk"]) | ("POST", ["bulk", "delete"]) => delete(call, &mut records),
                ("POST", ["bulk", "get"]) => get(call, &records),
                ("PUT", ["values", key]) => {
                    let value = String::from_utf8_lossy(&call.request.body).into_owned();
                    check(key, &value)?;
                    records.insert((*key).to_owned(), value);
                    Ok(json!({}))
                }
                ("DELETE", ["values", key]) => {
                    records.remove(*key);
                    Ok(json!({}))
                }
                _ => {
                    drop(records);
                    unknown(call)
                }
            }
        }
        _ => unknown(call),
    }
}

fn is_bound(version: &Version, id: &str) -> bool {
    version.bindings.iter().any(|binding| binding.get("namespace_id").is_some_and(|bound| bound == id))
}

/// The code and the text: issues of workers-sdk about a wrong ID.
fn no_namespace() -> ApiError {
    ApiError::new(404, 10013, "namespace not found")
}

/// cli.js `kvNamespaceCreateCommand`; the text of 10014 is in issue 13242 of workers-sdk.
fn create(call: &mut Call<'_>) -> Answer {
    let title = call.json()?.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    if call.account().namespaces.values().any(|namespace| namespace.title == title) {
        return Err(ApiError::new(400, 10014, "a namespace with this account ID and title already exists"));
    }
    let id = call.state.new_id();
    call.account().namespaces.insert(id.clone(), Namespace::new(&title));
    Ok(json!({ "id": id, "title": title, "supports_url_encoding": true }))
}

/// cli.js `listKVNamespaces`, which asks for 100 at a time.
fn list_namespaces(call: &mut Call<'_>) -> Answer {
    let number =
        |name, default| call.request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (page, size): (usize, usize) = (number("page", 1).max(1), number("per_page", 20).clamp(5, 100));
    let described = |(id, namespace): (&String, &Namespace)| json!({ "id": id, "title": namespace.title, "supports_url_encoding": true });
    let all: Vec<Value> = call.account().namespaces.iter().map(described).collect();
    let items: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let info = json!({ "page": page, "per_page": size, "count": items.len(), "total_count": all.len() });
    Ok(json!({ "result": items, "result_info": info }))
}

/// cli.js `listKVNamespaceKeys`; API schema: pages of 1000, and a cursor for the next one.
fn keys(call: &Call<'_>, records: &BTreeMap<String, String>) -> Answer {
    let prefix = call.request.parameter("prefix").unwrap_or_default();
    let after = call.request.parameter("cursor").map(|cursor| unescaped(&cursor)).unwrap_or_default();
    let mut names =
        records.keys().filter(|key| key.starts_with(&prefix) && (after.is_empty() || **key > after));
    let page: Vec<&String> = names.by_ref().take(MAX_LIST).collect();
    let cursor = names.next().and(page.last()).map_or("", |last| last.as_str());
    let result: Vec<Value> = page.iter().map(|name| json!({ "name": name })).collect();
    Ok(json!({ "result": result, "result_info": { "count": result.len(), "cursor": cursor } }))
}

/// cli.js `putKVBulkKeyValue`.
fn put(call: &Call<'_>, records: &mut BTreeMap<String, String>) -> Answer {
    let pairs = call.json()?;
    let pairs = pairs.as_array().ok_or_else(not_a_list)?;
    if pairs.len() > MAX_WRITE {
        return Err(ApiError::new(400, 10147, format!("more than {MAX_WRITE} pairs")));
    }
    let text = |pair: &Value, name: &str| Some(pair.get(name)?.as_str()?.to_owned());
    let read: Option<Vec<(String, String)>> =
        pairs.iter().map(|pair| Some((text(pair, "key")?, text(pair, "value")?))).collect();
    let read = read.ok_or_else(not_a_list)?;
    read.iter().try_for_each(|(key, value)| check(key, value))?;
    let count = read.len();
    records.extend(read);
    Ok(json!({ "successful_key_count": count, "unsuccessful_keys": [] }))
}

/// cli.js `deleteKVBulkKeyValue`.
fn delete(call: &Call<'_>, records: &mut BTreeMap<String, String>) -> Answer {
    let names = names(&call.json()?)?;
    if names.len() > MAX_WRITE {
        return Err(ApiError::new(400, 10147, format!("more than {MAX_WRITE} keys")));
    }
    for name in &names {
        records.remove(name);
    }
    Ok(json!({ "successful_key_count": names.len(), "unsuccessful_keys": [] }))
}

/// cli.js `getKVBulkKeyValue`.
fn get(call: &Call<'_>, records: &BTreeMap<String, String>) -> Answer {
    let names = names(call.json()?.get("keys").unwrap_or(&Value::Null))?;
    if names.len() > MAX_READ {
        return Err(ApiError::new(400, 10148, format!("you can only request up to {MAX_READ} keys")));
    }
    let values: BTreeMap<&String, Option<&String>> =
        names.iter().map(|name| (name, records.get(name))).collect();
    Ok(json!({ "values": values }))
}

fn names(list: &Value) -> Result<Vec<String>, ApiError> {
    let names = list.as_array().ok_or_else(not_a_list)?.iter();
    names.map(|name| name.as_str().map(str::to_owned).ok_or_else(not_a_list)).collect()
}

fn not_a_list() -> ApiError {
    ApiError::new(400, 10012, "could not parse the list of keys or pairs")
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if key.is_empty() || key == "." || key == ".." || key.len() > MAX_KEY {
        return Err(ApiError::new(400, 10030, format!("a key has 1 to {MAX_KEY} bytes")));
    }
    if value.len() > MAX_VALUE {
        return Err(ApiError::new(413, 10031, format!("a value has at most {MAX_VALUE} bytes")));
    }
    Ok(())
}
