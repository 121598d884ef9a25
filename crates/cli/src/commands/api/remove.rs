//! `edgemint api remove`: deletes API records, after asking, and not while clients have a grant for one.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use edgemint_issuer::{ApiId, ApiRecord, ClientRecord};

use crate::commands::api::ApiRemove;
use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::kv::ById;
use crate::records::remove;
use crate::records::remove::Removal;
use crate::records::view::some_of;
use crate::terminal::output::Output;
use crate::terminal::shell;

pub(crate) fn run(
    args: &ApiRemove,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let removal = Removal::<ApiRecord> { ids: &args.ids, yes: args.yes, dry_run: args.dry_run };
    remove::run(&removal, &project, host, output, |records, apis, output| {
        let clients = records.read_all::<ClientRecord>()?;
        for api in apis {
            let asking = introspecting(api, &clients);
            if !asking.is_empty() {
                let told = some_of(&asking);
                output.say(format_args!(
                    "warning: these clients may ask about tokens for {api}, of which no more are issued: {told}"
                ));
            }
            let names = granted(api, &clients);
            if names.is_empty() {
                continue;
            }
            let told = some_of(&names);
            if !args.force {
                bail!(
                    "clients have a grant for {api}, so nothing was removed: {told} (`edgemint client ungrant CLIENT \
                     {}` takes it back; --force removes the API all the same)",
                    shell::option("--api", api.as_str())
                );
            }
            output.say(format_args!(
                "warning: these clients keep a grant for {api}, which is of no effect then: {told}"
            ));
        }
        Ok(())
    })
}

/// The clients that have a grant for `api`.
fn granted<'a>(api: &ApiId, clients: &'a ById<ClientRecord>) -> Vec<&'a str> {
    let granted = clients.values().flatten().filter(|client| client.grants.contains_key(api));
    granted.map(|client| client.id.as_str()).collect()
}

/// The clients that may ask about tokens for `api`.
fn introspecting<'a>(api: &ApiId, clients: &'a ById<ClientRecord>) -> Vec<&'a str> {
    let asking = clients.values().flatten().filter(|client| client.introspects.contains(api));
    asking.map(|client| client.id.as_str()).collect()
}
