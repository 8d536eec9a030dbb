//! The ledger.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Ledger {
    /// The balance of each account, in cents.
    accounts: BTreeMap<String, u64>,
}

/// The reason why the ledger refuses a call. The call is recorded like any other, and a replay refuses it again.
#[derive(Debug)]
pub(crate) enum Refused {
    NoAccount { account: String },
    TooLittle { account: String, cents: u64 },
    TooMuch { account: String },
    SameAccount,
}

#[walr::mutations]
impl Ledger {
    /// Adds to an account, or opens it, and returns its new balance.
    #[mutation]
    pub(crate) fn deposit(&mut self, account: &str, cents: u64) -> Result<u64, Refused> {
        let holds = self.accounts.get(account).copied().unwrap_or(0);
        let holds = holds.checked_add(cents).ok_or_else(|| Refused::TooMuch { account: account.to_string() })?;
        self.accounts.insert(account.to_string(), holds);
        Ok(holds)
    }

    /// Takes from an account, and returns its new balance.
    #[mutation]
    pub(crate) fn withdraw(&mut self, account: &str, cents: u64) -> Result<u64, Refused> {
        let holds = self.holds(account)?;
        let left = holds
            .checked_sub(cents)
            .ok_or_else(|| Refused::TooLittle { account: account.to_string(), cents: holds })?;
        self.accounts.insert(account.to_string(), left);
        Ok(left)
    }

    /// Moves cents from one account to another. An error doesn't undo earlier changes, so all checks come first.
    #[mutation]
    pub(crate) fn transfer(&mut self, from: &str, to: &str, cents: u64) -> Result<(), Refused> {
        if from == to {
            return Err(Refused::SameAccount);
        }
        if self.holds(to)?.checked_add(cents).is_none() {
            return Err(Refused::TooMuch { account: to.to_string() });
        }
        self.withdraw(from, cents)?;
        self.deposit(to, cents)?;
        Ok(())
    }

    /// Returns the sum of all balances.
    #[query]
    pub(crate) fn total(&self) -> u128 {
        self.accounts.values().map(|cents| u128::from(*cents)).sum()
    }

    fn holds(&self, account: &str) -> Result<u64, Refused> {
        self.accounts.get(account).copied().ok_or_else(|| Refused::NoAccount { account: account.to_string() })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoAccount { account } => write!(f, "there is no account {account}"),
            Refused::TooLittle { account, cents } => write!(f, "{account} holds no more than {cents} cents"),
            Refused::TooMuch { account } => write!(f, "{account} can't hold that much"),
            Refused::SameAccount => write!(f, "a transfer takes two accounts"),
        }
    }
}

impl std::error::Error for Refused {}
