//! Reads the secrets and the records of a target for `edgemint check`, without judging them.

use anyhow::{Result, anyhow};
use edgemint_issuer::{ApiRecord, ClientRecord, SigningKey, TrustedIssuer};

use crate::commands::check::binding;
use crate::deployment::local_keys::LocalKeys;
use crate::deployment::project::{Project, Target};
use crate::deployment::wrangler::Wrangler;
use crate::host::Host;
use crate::records::kv::{ById, Records};

/// The records of a target.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) clients: ById<ClientRecord>,
    pub(crate) apis: ById<ApiRecord>,
    pub(crate) issuers: ById<TrustedIssuer>,
}

/// The secrets and the records of a target, or why they cannot be read.
pub(crate) enum Found {
    Deployed {
        /// The names of the secrets.
        secrets: Result<Vec<String>>,
        /// `None` if no namespace is bound, or if the secrets cannot be listed.
        records: Option<Result<Stored>>,
    },
    Local {
        keys: Result<Vec<SigningKey>>,
        /// `None` if no namespace is bound.
        records: Option<Result<Stored>>,
    },
    /// A local state that does not exist yet. It has no clients, and a read would create it.
    Nothing,
}

impl Found {
    /// The records, if they were read.
    pub(crate) fn records(&self) -> Option<&Stored> {
        match self {
            Self::Deployed { records, .. } | Self::Local { records, .. } => records.as_ref()?.as_ref().ok(),
            Self::Nothing => None,
        }
    }
}

/// Reads one target.
pub(crate) fn at(project: &Project, host: &Host) -> Found {
    let records = || binding::of(project).is_ok().then(|| records(project, host));
    match &project.target {
        Target::Deployed(name) => {
            let secrets = Wrangler::find(project, host).and_then(|wrangler| wrangler.secret_names(name));
            // A login that cannot list secrets cannot list clients either. One finding about that is enough.
            let records = if secrets.is_ok() { records() } else { None };
            Found::Deployed { secrets, records }
        }
        Target::Local(state) if state.is_dir() => {
            let records = records();
            Found::Local { keys: LocalKeys::read(state).and_then(|keys| keys.keys()), records }
        }
        Target::Local(_) => Found::Nothing,
    }
}

fn records(project: &Project, host: &Host) -> Result<Stored> {
    let records = Records::of(project, host)?;
    // Each read waits for wrangler.
    std::thread::scope(|scope| {
        let apis = scope.spawn(|| records.read_all());
        let issuers = scope.spawn(|| records.read_all());
        let clients = records.read_all()?;
        let panicked = |_| anyhow!("a thread panicked");
        Ok(Stored {
            clients,
            apis: apis.join().map_err(panicked)??,
            issuers: issuers.join().map_err(panicked)??,
        })
    })
}
