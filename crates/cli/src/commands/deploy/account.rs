//! Chooses the account to deploy to.

use anyhow::{Result, bail};

use crate::deployment::wrangler::Account;
use crate::terminal::words::listed;

/// The account to deploy to. `named`: the one that CLOUDFLARE_ACCOUNT_ID or the configuration names.
pub(crate) fn choose(accounts: &[Account], named: Option<&str>) -> Result<Account> {
    let all = || listed(accounts.iter().map(|account| format!("{} ({})", account.name, account.id)), "none");
    match (named, accounts) {
        (Some(id), _) => match accounts.iter().find(|account| account.id == id) {
            Some(account) => Ok(account.clone()),
            // A token without the right to list accounts can still work on one.
            None if accounts.is_empty() => Ok(Account { id: id.to_owned(), name: id.to_owned() }),
            None => bail!(
                "cannot deploy to the account {id}: the login has no access to it. Set CLOUDFLARE_ACCOUNT_ID to the ID of \
                 one of its accounts: {}",
                all()
            ),
        },
        (None, [account]) => Ok(account.clone()),
        (None, []) => bail!(
            "cannot find an account of the login. Set CLOUDFLARE_ACCOUNT_ID to the ID of your account, or log in with `npx \
             wrangler login`."
        ),
        (None, _) => bail!(
            "cannot choose between {} accounts. Set CLOUDFLARE_ACCOUNT_ID to the ID of one of them: {}",
            accounts.len(),
            all()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> Account {
        Account { id: id.to_owned(), name: format!("Account {id}") }
    }

    #[test]
    fn the_only_account_is_taken_and_among_several_the_named_one() {
        assert_eq!(choose(&[account("a")], None).expect("one"), account("a"));
        assert_eq!(choose(&[account("a"), account("b")], Some("b")).expect("one"), account("b"));
        assert_eq!(choose(&[], Some("c")).expect("one").id, "c");
    }

    #[test]
    fn a_choice_that_is_missing_lists_the_accounts() {
        let told = choose(&[account("a"), account("b")], None).expect_err("two").to_string();
        let expected = "cannot choose between 2 accounts. Set CLOUDFLARE_ACCOUNT_ID to the ID of one of them: Account a \
                        (a), Account b (b)";
        assert_eq!(told, expected);
        let told = choose(&[account("a")], Some("x")).expect_err("another").to_string();
        assert!(told.contains("no access") && told.contains("Account a (a)"), "{told}");
        assert!(choose(&[], None).is_err());
    }
}
