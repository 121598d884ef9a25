//! The kinds of records that are stored, and what a command must know of each.

use std::fmt;

use edgemint_issuer::{API_KV_PREFIX, ApiId, ApiRecord, ClientId, ClientRecord, KV_PREFIX, RecordError};
use serde::Serialize;

use crate::records::view::{ApiView, RecordView};

/// A kind of record: where it is stored, and how it is read, written and shown.
pub(crate) trait Kind: Clone + Send {
    /// What names a record of this kind.
    type Id: Clone + Ord + fmt::Display + Serialize;
    /// It as people and scripts may see it.
    type View<'a>: Serialize
    where
        Self: 'a;
    /// What people call it.
    const NAME: &'static str;
    /// What the keys of its records begin with; the ID follows.
    const PREFIX: &'static str;
    /// What is written of it and not shown, between commas.
    const UNSHOWN: &'static str;

    fn parse_id(text: &str) -> Result<Self::Id, String>;
    fn kv_key(id: &Self::Id) -> String;
    fn id(&self) -> &Self::Id;
    /// The parser of the Worker.
    fn parse(id: &Self::Id, json: &str) -> Result<Self, RecordError>;
    /// As it is stored.
    fn to_json(&self) -> String;
    /// What counts its writes.
    fn revision(&mut self) -> &mut u64;
    /// As it may be seen at `now`.
    fn view(&self, now: u64) -> Self::View<'_>;
    /// Whether it has a secret, if its kind can have one.
    fn has_secret(&self) -> Option<bool>;
}

impl Kind for ClientRecord {
    type Id = ClientId;
    type View<'a> = RecordView<'a>;
    const NAME: &'static str = "client";
    const PREFIX: &'static str = KV_PREFIX;
    const UNSHOWN: &'static str = ", with its hashes,";

    fn parse_id(text: &str) -> Result<ClientId, String> {
        ClientId::parse(text).map_err(|error| error.to_string())
    }

    fn kv_key(id: &ClientId) -> String {
        id.kv_key()
    }

    fn id(&self) -> &ClientId {
        &self.id
    }

    fn parse(id: &ClientId, json: &str) -> Result<Self, RecordError> {
        Self::parse(id, json)
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn revision(&mut self) -> &mut u64 {
        &mut self.revision
    }

    fn view(&self, now: u64) -> RecordView<'_> {
        RecordView::of(self, now)
    }

    fn has_secret(&self) -> Option<bool> {
        Some(!self.secrets.is_empty())
    }
}

impl Kind for ApiRecord {
    type Id = ApiId;
    type View<'a> = ApiView<'a>;
    const NAME: &'static str = "API";
    const PREFIX: &'static str = API_KV_PREFIX;
    const UNSHOWN: &'static str = "";

    fn parse_id(text: &str) -> Result<ApiId, String> {
        ApiId::parse(text).map_err(|error| error.to_string())
    }

    fn kv_key(id: &ApiId) -> String {
        id.kv_key()
    }

    fn id(&self) -> &ApiId {
        &self.id
    }

    fn parse(id: &ApiId, json: &str) -> Result<Self, RecordError> {
        Self::parse(id, json)
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn revision(&mut self) -> &mut u64 {
        &mut self.revision
    }

    fn view(&self, _now: u64) -> ApiView<'_> {
        ApiView::of(self)
    }

    fn has_secret(&self) -> Option<bool> {
        None
    }
}
