//! A ledger that loses no cent.
//!
//! `cargo run --example ledger` lets a second process make transfers, a thousand at a time, kills it in the middle of them,
//! opens the store again and compares the total.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use walr::{Durable, WalState};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Ledger {
    /// What each account holds, in cents.
    accounts: BTreeMap<String, u64>,
}

/// Why the ledger refuses: a result like any other, recorded, and the same again on replay.
#[derive(Debug)]
enum Refused {
    NoAccount { account: String },
    TooLittle { account: String, cents: u64 },
    TooMuch { account: String },
    SameAccount,
}

#[walr::mutations]
impl Ledger {
    /// Adds to an account, which is opened if there is none, and returns what it holds then.
    #[mutation]
    fn deposit(&mut self, account: &str, cents: u64) -> Result<u64, Refused> {
        let holds = self.accounts.get(account).copied().unwrap_or(0);
        let holds = holds.checked_add(cents).ok_or_else(|| Refused::TooMuch { account: account.to_string() })?;
        self.accounts.insert(account.to_string(), holds);
        Ok(holds)
    }

    /// Takes from an account, and returns what is left.
    #[mutation]
    fn withdraw(&mut self, account: &str, cents: u64) -> Result<u64, Refused> {
        let holds = self.holds(account)?;
        let left = holds
            .checked_sub(cents)
            .ok_or_else(|| Refused::TooLittle { account: account.to_string(), cents: holds })?;
        self.accounts.insert(account.to_string(), left);
        Ok(left)
    }

    /// Moves from one account to another. All checks come first: an error undoes nothing that was done before it.
    #[mutation]
    fn transfer(&mut self, from: &str, to: &str, cents: u64) -> Result<(), Refused> {
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

    /// What all accounts hold together.
    #[query]
    fn total(&self) -> u128 {
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

// That was the domain; the rest is the program around it.

#[path = "ledger/crash.rs"]
mod crash;
#[path = "shared/victim.rs"]
mod victim;

use std::path::Path;
use std::process::ExitCode;

/// What can fail here fails with a message for the user.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let done = match args.as_slice() {
        [] => run().await,
        [verb, dir] if verb == victim::UNTIL_KILLED => {
            crash::transfer_until_killed(Path::new(dir)).await.map(|()| true)
        }
        _ => {
            eprintln!("ledger: it takes no arguments\n\nusage: ledger");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ledger: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Crashes, reopens and compares. False if a cent or an acknowledged transfer is missing.
async fn run() -> Outcome<bool> {
    let dir = victim::fresh_folder("ledger")?;
    println!("store         {}", dir.display());
    let before = crash::transfer_and_kill(&dir)?;
    println!("before        {} cents in {} accounts", before.total, crash::ACCOUNTS);
    println!("killed        the other process, with {} transfers under way", crash::TASKS);
    println!("acknowledged  {} transfers, and {} more that the ledger refused", before.moved, before.refused);

    let ledger: Durable<Ledger> = Durable::open(&dir).await?;
    let store = ledger.store();
    let recovery = store.recovery();
    println!("recovered     {} records in {:.1?}", recovery.last, recovery.took);
    println!("after         {} cents", ledger.total());
    let mut kept = ledger.total() == before.total && before.agrees_with(usize::try_from(recovery.last.get())?);

    match ledger.withdraw("account 7", 1_000_000).await? {
        Err(refused) => println!("refused       a withdrawal, since {refused}"),
        Ok(left) => return Err(format!("a withdrawal of a million cents left {left}").into()),
    }
    let left = ledger.withdraw("account 8", 0).await??;
    ledger.transfer("account 8", "account 7", left).await??;
    println!("moved         all {left} cents of account 8 to account 7");
    ledger.close().await?;

    let ledger: Durable<Ledger> = Durable::open(&dir).await?;
    println!("reopened      {} cents", ledger.total());
    kept &= ledger.total() == before.total;
    ledger.close().await?;
    if !kept {
        eprintln!("FAILED        the total differs, or acknowledged transfers are missing");
    }
    Ok(kept)
}
