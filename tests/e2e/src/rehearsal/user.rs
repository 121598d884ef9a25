//! The routes about the token and its accounts.

use serde_json::{Value, json};

use super::State;
use super::api::Answer;

/// Answers if the path is one of these routes.
pub(super) fn route(state: &State, method: &str, words: &[&str]) -> Option<Answer> {
    let accounts = || state.accounts.iter().map(|account| json!({ "id": account.id, "name": account.name }));
    let page = |items: Vec<Value>| {
        let info = json!({ "page": 1, "per_page": 20, "count": items.len(), "total_count": items.len(), "total_pages": 1 });
        Ok(json!({ "result": items, "result_info": info }))
    };
    match (method, words) {
        // cli.js `getTokenType`; API schema, operation `user-api-tokens-verify-token`.
        ("GET", ["user", "tokens", "verify"]) => {
            Some(Ok(json!({ "id": "ed17574386854bf78a67040be0a770b0", "status": "active" })))
        }
        // cli.js `getEmail`.
        ("GET", ["user"]) => {
            Some(Ok(json!({ "id": "7c5dae5552338874e5053f2534d2767a", "email": super::EMAIL })))
        }
        // cli.js `fetchAllAccounts`: the accounts that are in both lists.
        ("GET", ["accounts"]) => Some(page(accounts().collect())),
        ("GET", ["memberships"]) => Some(page(
            accounts()
                .map(|account| json!({ "id": account["id"], "status": "accepted", "account": account }))
                .collect(),
        )),
        _ => None,
    }
}
