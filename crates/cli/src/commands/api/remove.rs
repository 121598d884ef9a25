//! `edgemint api remove`: deletes API records, after asking, and not while clients have a grant for one.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiId, ApiRecord, ClientRecord};
use edgemint_printable::shell;

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::kv::ById;
use crate::records::remove;
use crate::records::remove::Removal;
use crate::terminal::words::some_of;

pub(crate) fn run(args: &ApiRemove, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
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

/// Remove APIs
///
/// No token for them is issued any more once caches have run out; those that were issued live until they
/// expire. Refuses while clients have a grant for one of them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint api remove https://invoices.example.com/ --env production")]
pub(crate) struct ApiRemove {
    /// The IDs of the APIs
    #[arg(required = true, value_name = "ID", value_parser = ApiId::parse)]
    pub(crate) ids: Vec<ApiId>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Even if clients have a grant for it; they keep it, and it is of no effect
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
