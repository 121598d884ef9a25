//! The kinds of records: clients, APIs and trusted issuers.

use std::fmt;

use edgemint_issuer::{
    API_KV_PREFIX, ApiId, ApiRecord, ClientId, ClientRecord, ISSUER_KV_PREFIX, KV_PREFIX, RecordError,
    TrustedIssuer, TrustedIssuerId,
};
use serde::Serialize;

use crate::records::view::{ApiView, IssuerView, RecordView};

/// A kind of record: its keys in KV, and how to read, write and show it.
pub(crate) trait Kind: Clone + Send {
    /// The ID of a record.
    type Id: Clone + Ord + fmt::Display + Serialize;
    /// The record without secret parts, for output.
    type View<'a>: Serialize
    where
        Self: 'a;
    /// The name of the kind in messages.
    const NAME: &'static str;
    /// The prefix of the records' keys. The ID follows it.
    const PREFIX: &'static str;
    /// The part of a record that is written and not shown, between commas.
    const UNSHOWN: &'static str;

    fn parse_id(text: &str) -> Result<Self::Id, String>;
    fn kv_key(id: &Self::Id) -> String;
    fn id(&self) -> &Self::Id;
    /// Parses a record with the Worker's parser.
    fn parse(id: &Self::Id, json: &str) -> Result<Self, RecordError>;
    /// The record as stored JSON.
    fn to_json(&self) -> String;
    /// The number of writes of the record.
    fn revision(&mut self) -> &mut u64;
    /// The record for output at the time `now`.
    fn view(&self, now: u64) -> Self::View<'_>;
    /// Whether the record has a secret. `None` if its kind cannot have one.
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

impl Kind for TrustedIssuer {
    type Id = TrustedIssuerId;
    type View<'a> = IssuerView<'a>;
    const NAME: &'static str = "trusted issuer";
    const PREFIX: &'static str = ISSUER_KV_PREFIX;
    const UNSHOWN: &'static str = "";

    fn parse_id(text: &str) -> Result<TrustedIssuerId, String> {
        TrustedIssuerId::parse(text).map_err(|error| error.to_string())
    }

    fn kv_key(id: &TrustedIssuerId) -> String {
        id.kv_key()
    }

    fn id(&self) -> &TrustedIssuerId {
        &self.id
    }

    fn parse(id: &TrustedIssuerId, json: &str) -> Result<Self, RecordError> {
        Self::parse(id, json)
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn revision(&mut self) -> &mut u64 {
        &mut self.revision
    }

    fn view(&self, _now: u64) -> IssuerView<'_> {
        IssuerView::of(self)
    }

    fn has_secret(&self) -> Option<bool> {
        None
    }
}
