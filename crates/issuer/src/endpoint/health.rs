//! The health endpoint: whether a token could be signed now.

use crate::config::Config;
use crate::endpoint::answer::{Answer, plain};
use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::error::row::Row;
use crate::http::response::Response;
use crate::log::event::Decision;
use crate::ports::{Moment, Signer};

/// Answers `GET /healthz`.
pub(crate) async fn health<'a>(config: &Config, signer: &impl Signer, moment: &Moment) -> Answer<'a> {
    let ready = match config.keys.active(moment.now) {
        Some(key) => {
            signer.prepare(key).await.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))
        }
        None => Err(Fault::NoActiveKey.into()),
    };
    match ready {
        Ok(()) => plain(Response::text(200, "ok")),
        Err(error) => {
            let Row { reason, detail, .. } = error.row();
            let decision = Decision::Unhealthy { reason, detail: detail.into_owned() };
            (Response::text(503, "unavailable"), Some(decision))
        }
    }
}
