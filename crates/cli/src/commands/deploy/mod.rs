//! `edgemint deploy`: creates what a deployment lacks, deploys the Worker, and checks the running issuer.

pub(crate) mod account;
pub(crate) mod plan;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::check::binding::{self, BINDING};
use crate::commands::check::findings::{Findings, Level};
use crate::commands::check::live::is_published;
use crate::commands::check::{self, Check, variables};
use crate::commands::deploy::plan::{KeyPlan, NamespacePlan, Plan, Seen, title};
use crate::commands::key::rotate;
use crate::deployment::edit;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::deployment::wrangler::{Account, Wrangler};
use crate::flags::alg::Alg;
use crate::flags::target::TargetArgs;
use crate::host::Host;
use crate::terminal::output::{Output, sentences};

/// How often a new deployment is asked for its keys, and the time between. A new domain takes a while.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_secs(2);

/// Deploy the Worker, with everything that it needs
///
/// Creates the KV namespace and writes its ID into wrangler.toml, stores a signing key, deploys with wrangler, and checks
/// the running issuer. What exists is kept, so you can run the command again after a failure, and for each new version.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx edgemint deploy
  edgemint deploy --env staging --dry-run")]
pub(crate) struct Deploy {
    /// Environment of wrangler.toml to deploy
    #[arg(short, long, value_name = "NAME", default_value = "production")]
    pub(crate) env: String,
    /// Print what would be done, but change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    environment: &'a str,
    account: &'a Account,
    namespace: &'a NamespacePlan,
    key: &'a KeyPlan,
    issuer: &'a str,
    /// `null` in a dry run.
    check: Option<&'a check::Report<'a>>,
    #[serde(skip)]
    config: &'a Path,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, account, namespace, key, issuer, config, .. } = self;
        let config = config.display();
        let would = if self.dry_run { "Dry run: would use" } else { "Used" };
        sentences(f, [format!("{would} the account {account}.")])?;
        sentences(f, [told_namespace(namespace, self.dry_run, &config.to_string())])?;
        sentences(f, [told_key(key, self.dry_run)])?;
        let Some(check) = self.check else {
            return sentences(
                f,
                [format!("Would deploy the environment {environment}, and check {issuer}.")],
            );
        };
        sentences(f, [format!("Deployed the environment {environment}. The issuer is {issuer}.")])?;
        write!(f, "{check}")?;
        let next = if check.ok {
            format!(
                "Add a client with `{}`.",
                shell::command("edgemint", &["client", "add", "my-service", "--env", environment])
            )
        } else {
            let again = ["check", "--env", environment, "--live", issuer];
            format!("Fix the errors above. Then run `{}`.", shell::command("edgemint", &again))
        };
        sentences(f, [next])
    }
}

fn told_namespace(namespace: &NamespacePlan, dry_run: bool, config: &str) -> String {
    match (namespace, dry_run) {
        (NamespacePlan::Kept, _) => format!("Kept the KV namespace in {config}."),
        (NamespacePlan::Found { title, id }, false) => {
            format!("Found the KV namespace {title}. Wrote its ID {id} into {config}.")
        }
        (NamespacePlan::Found { title, id }, true) => {
            format!("Would write the ID {id} of the KV namespace {title} into {config}.")
        }
        (NamespacePlan::Created { title }, false) => {
            format!("Created the KV namespace {title}. Wrote its ID into {config}.")
        }
        (NamespacePlan::Created { title }, true) => {
            format!("Would create the KV namespace {title} and write its ID into {config}.")
        }
    }
}

fn told_key(key: &KeyPlan, dry_run: bool) -> String {
    match (key, dry_run) {
        (KeyPlan::Kept, _) => "Kept the signing keys of the Worker.".to_owned(),
        (KeyPlan::Created { name, .. }, false) => format!("Created the signing key {name}."),
        (KeyPlan::Created { name, .. }, true) => format!("Would create the signing key {name}."),
    }
}

pub(crate) fn run(args: &Deploy, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let environment = args.env.as_str();
    let target = TargetArgs { local: false, state: None, env: Some(environment.to_owned()) };
    let project = Project::find(config, &target, host)?;
    let issuer = must_be_ready(&project, environment)?;
    let wrangler = Wrangler::find(&project, host)?;
    let account = account(&project, &wrangler, host)?;
    let wrangler = wrangler.for_account(&account.id);
    let seen = look(&project, &wrangler, environment).context("nothing was changed")?;
    let plan = plan::plan(&seen, title(environment, BINDING), host.now);
    let mut report = Report {
        dry_run: args.dry_run,
        environment,
        account: &account,
        namespace: &plan.namespace,
        key: &plan.key,
        issuer: &issuer,
        check: None,
        config: &project.config,
    };
    if args.dry_run {
        output.report(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    apply(&plan, &project, &wrangler, environment, host)?;
    wait_for(&issuer, output);
    let check = Check { env: Some(environment.to_owned()), live: Some(issuer.clone()) };
    let (projects, findings) = check::examine(&check, config, host)
        .with_context(|| format!("the environment {environment} is deployed, but cannot be checked"))?;
    let checked = check::Report::of(&projects, &findings);
    check::show(&findings, output)?;
    report.check = Some(&checked);
    output.report(&report)?;
    Ok(if checked.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The account to deploy to: the one that the environment or the configuration names, or the only one of the login.
fn account(project: &Project, wrangler: &Wrangler<'_>, host: &Host) -> Result<Account> {
    let named = host.text_variable("CLOUDFLARE_ACCOUNT_ID").or_else(|| project.account().map(str::to_owned));
    if let Some(id) = named {
        return Ok(Account { name: id.clone(), id });
    }
    let accounts = wrangler.accounts().context("cannot find your account; nothing was changed")?;
    account::choose(&accounts)
}

/// Fails if the variables have errors, or if there is nothing to deploy. Returns the issuer.
fn must_be_ready(project: &Project, environment: &str) -> Result<String> {
    let mut findings = Findings::default();
    variables::judge(project, &mut findings.at(Some(environment)));
    variables::addresses(project, &mut findings.at(Some(environment)));
    let config = project.config.display();
    let text = std::fs::read_to_string(&project.config).with_context(|| format!("cannot read {config}"))?;
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .map(|finding| {
            let line = edit::line(&text, environment, "vars", &finding.name);
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            format!("{}{line} of {config} {}.", finding.name, finding.message)
        })
        .collect();
    if !errors.is_empty() {
        bail!("cannot deploy: {}\nNothing was changed.", errors.join("\n"));
    }
    match project.main() {
        Some(main) if !main.is_file() && !project.is_built() => bail!(
            "cannot deploy: the Worker {} does not exist. Run `npm install` in {}. Nothing was changed.",
            main.display(),
            project.dir.display()
        ),
        _ => project.issuer().map(str::to_owned).context("cannot deploy: ISSUER is not set"),
    }
}

/// Reads the state that a plan needs.
fn look(project: &Project, wrangler: &Wrangler<'_>, environment: &str) -> Result<Seen> {
    let namespace_is_unset = binding::is_unset(project);
    if !namespace_is_unset && let Err(wrong) = binding::of(project) {
        bail!("cannot deploy: {BINDING} in {} {wrong}", project.config.display());
    }
    // Each call of wrangler takes more than a second.
    let (namespaces, secrets) = std::thread::scope(|scope| {
        let namespaces = namespace_is_unset.then(|| scope.spawn(|| wrangler.namespaces()));
        let secrets = wrangler.secret_names_if_deployed(environment);
        (namespaces.map(std::thread::ScopedJoinHandle::join), secrets)
    });
    let namespaces = match namespaces {
        Some(Ok(namespaces)) => namespaces.context("cannot list the KV namespaces")?,
        Some(Err(_)) => bail!("cannot list the KV namespaces: a thread panicked"),
        None => Vec::new(),
    };
    let secrets = secrets.context("cannot list the signing keys")?;
    let alg = project.signing_alg().map_or(Alg::Es256, Alg::of);
    Ok(Seen { namespace_is_unset, namespaces, secrets, alg })
}

/// Does the steps in their order. An error says which steps are done, so that the next run continues there.
fn apply(
    plan: &Plan,
    project: &Project,
    wrangler: &Wrangler<'_>,
    environment: &str,
    host: &Host,
) -> Result<()> {
    let mut done: Vec<String> = Vec::new();
    let so_far = |done: &[String]| {
        let steps = if done.is_empty() { "Nothing was changed.".to_owned() } else { done.join(" ") };
        format!("the deployment is incomplete. {steps} Fix the cause, and run the command again")
    };
    let config = project.config.display().to_string();
    if plan.namespace != NamespacePlan::Kept {
        namespace(&plan.namespace, project, wrangler, environment).with_context(|| so_far(&done))?;
        done.push(told_namespace(&plan.namespace, false, &config));
    }
    if let KeyPlan::Created { name, alg } = &plan.key {
        rotate::store(wrangler, environment, (name, *alg, host.now), host).with_context(|| so_far(&done))?;
        done.push(told_key(&plan.key, false));
    }
    wrangler.deploy(environment).with_context(|| so_far(&done))
}

/// Creates the namespace if the account has none, and writes its ID into the configuration.
fn namespace(
    plan: &NamespacePlan,
    project: &Project,
    wrangler: &Wrangler<'_>,
    environment: &str,
) -> Result<()> {
    let id = match plan {
        NamespacePlan::Kept => return Ok(()),
        NamespacePlan::Found { id, .. } => id.clone(),
        NamespacePlan::Created { title } => match wrangler.create_namespace(environment, BINDING)? {
            Some(id) => id,
            None => {
                let mut all = wrangler.namespaces()?.into_iter();
                let created = all.find(|namespace| namespace.title == *title);
                created.with_context(|| format!("wrangler created no KV namespace {title}"))?.id
            }
        },
    };
    edit::write_namespace(&project.config, environment, BINDING, &id)
}

/// Waits until the issuer publishes its keys, for a limited time. The check reports what is wrong then.
fn wait_for(issuer: &str, output: &mut Output) {
    for tried in 0..TRIES {
        if is_published(issuer) {
            return;
        }
        if tried == 0 {
            output.say(format_args!("Waiting for {issuer} ..."));
        }
        std::thread::sleep(BETWEEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let account = Account { id: "a1".to_owned(), name: "A".to_owned() };
        let namespace = NamespacePlan::Created { title: "e-CLIENTS".to_owned() };
        let key = KeyPlan::Created { name: "SIGNING_KEY_X".to_owned(), alg: Alg::Es256 };
        let report = |dry_run, check| Report {
            dry_run,
            environment: "e",
            account: &account,
            namespace: &namespace,
            key: &key,
            issuer: "https://a",
            check,
            config: Path::new("/p/wrangler.toml"),
        };
        assert_eq!(
            serde_json::to_string(&report(true, None)).expect("JSON"),
            r#"{"dry_run":true,"environment":"e","account":{"id":"a1","name":"A"},"namespace":{"result":"created","title":"e-CLIENTS"},"key":{"result":"created","name":"SIGNING_KEY_X"},"issuer":"https://a","check":null}"#
        );
        let would = "Dry run: would use the account A (a1).\nWould create the KV namespace e-CLIENTS and write its ID into \
                     /p/wrangler.toml.\nWould create the signing key SIGNING_KEY_X.\nWould deploy the environment e, and \
                     check https://a.\n";
        assert_eq!(report(true, None).to_string(), would);
        let findings = Findings::default();
        let check = check::Report::of(&[], &findings);
        let done = report(false, Some(&check)).to_string();
        assert!(
            done.contains("Created the signing key SIGNING_KEY_X.\nDeployed the environment e."),
            "{done}"
        );
        assert!(done.ends_with("Add a client with `edgemint client add my-service --env e`.\n"), "{done}");
    }
}
