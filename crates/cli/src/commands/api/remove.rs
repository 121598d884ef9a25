//! `edgemint api remove`: deletes API records after a prompt. It refuses while clients have a grant for one.

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
                    "warning: these clients may introspect tokens for {api}, but no more are issued: {told}"
                ));
            }
            let names = granted(api, &clients);
            if names.is_empty() {
                continue;
            }
            let told = some_of(&names);
            if !args.force {
                bail!(
                    "cannot remove {api}: these clients have a grant for it: {told}. Nothing was removed. Revoke the \
                     grants with `edgemint client ungrant CLIENT {}`, or pass --force.",
                    shell::option("--api", api.as_str())
                );
            }
            output.say(format_args!(
                "warning: these clients keep a grant for {api}, which then has no effect: {told}"
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

/// The clients that may introspect tokens for `api`.
fn introspecting<'a>(api: &ApiId, clients: &'a ById<ClientRecord>) -> Vec<&'a str> {
    let asking = clients.values().flatten().filter(|client| client.introspects.contains(api));
    asking.map(|client| client.id.as_str()).collect()
}

/// Remove APIs
///
/// Once the removal takes effect, no more tokens for these APIs are issued. Issued tokens stay valid until they
/// expire. The command refuses while a client has a grant for one of the APIs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint api remove https://invoices.example.com/ --env production")]
pub(crate) struct ApiRemove {
    /// IDs of the APIs
    #[arg(required = true, value_name = "ID", value_parser = ApiId::parse)]
    pub(crate) ids: Vec<ApiId>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Remove an API even if clients have a grant for it. They keep the grant, which then has no effect
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what would be removed, but remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
