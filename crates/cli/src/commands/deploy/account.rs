//! Chooses the account to deploy to.

use anyhow::{Result, bail};

use crate::deployment::wrangler::Account;
use crate::terminal::words::listed;

/// The only account of the login.
pub(crate) fn choose(accounts: &[Account]) -> Result<Account> {
    match accounts {
        [account] => Ok(account.clone()),
        [] => bail!(
            "cannot find an account of the login. Set CLOUDFLARE_ACCOUNT_ID to the ID of your account, or log in with `npx \
             wrangler login`."
        ),
        _ => bail!(
            "cannot choose between {} accounts. Set CLOUDFLARE_ACCOUNT_ID to the ID of one of them: {}",
            accounts.len(),
            listed(accounts.iter().map(ToString::to_string), "none")
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
    fn the_only_account_is_taken() {
        assert_eq!(choose(&[account("a")]).expect("one"), account("a"));
    }

    #[test]
    fn several_accounts_are_listed_with_the_remedy() {
        let told = choose(&[account("a"), account("b")]).expect_err("two").to_string();
        let expected = "cannot choose between 2 accounts. Set CLOUDFLARE_ACCOUNT_ID to the ID of one of them: Account a \
                        (a), Account b (b)";
        assert_eq!(told, expected);
        assert!(choose(&[]).expect_err("none").to_string().contains("CLOUDFLARE_ACCOUNT_ID"));
    }
}
