//! A process that makes transfers, and its kill.
//!
//! The process writes a line to its standard output for each acknowledged call, after the `.await` has returned.

use std::path::Path;

use tokio::task::JoinSet;
use walr::Durable;

use crate::Outcome;
use crate::state::Ledger;
use crate::victim::{Victim, report};

pub(crate) const ACCOUNTS: usize = 100;
/// The number of tasks. Each has one transfer in flight.
pub(crate) const TASKS: usize = 1_000;
/// The first deposit of each account.
const CENTS: u64 = 1_000;
/// The number of transfers after which the process is killed, at the earliest.
const TRANSFERS_BEFORE_KILL: usize = 10_000;

/// Everything that the process has reported.
#[derive(Default)]
pub(crate) struct Reported {
    /// The total before the first transfer, in cents.
    pub(crate) total: u128,
    /// The number of acknowledged transfers.
    pub(crate) moved: usize,
    /// The number of transfers that the ledger refused. They are acknowledged and recorded like the others.
    pub(crate) refused: usize,
}

impl Reported {
    /// Returns `true` if a log of `records` holds all deposits and reported transfers, and at most one more of each task.
    pub(crate) fn agrees_with(&self, records: usize) -> bool {
        let acknowledged = ACCOUNTS + self.moved + self.refused;
        (acknowledged..=acknowledged + TASKS).contains(&records)
    }

    fn note(&mut self, line: &str) -> Outcome<()> {
        match line.split_once(' ') {
            None if line == "moved" => self.moved += 1,
            None if line == "refused" => self.refused += 1,
            Some(("total", cents)) => self.total = cents.parse()?,
            _ => return Err(format!("the other process reported {line:?}").into()),
        }
        Ok(())
    }
}

/// Starts a process that makes transfers, kills it after enough reports, and returns all that it reported.
pub(crate) fn transfer_and_kill(dir: &Path) -> Outcome<Reported> {
    let mut reported = Reported::default();
    let mut victim = Victim::start(dir)?;
    while reported.moved < TRANSFERS_BEFORE_KILL {
        if let Some(line) = victim.report()? {
            reported.note(&line)?;
        }
    }
    victim.kill()?;
    while let Some(line) = victim.report()? {
        reported.note(&line)?;
    }
    Ok(reported)
}

/// Makes the deposits, and then transfers in all tasks until the process is killed.
pub(crate) async fn transfer_until_killed(dir: &Path) -> Outcome<()> {
    let ledger: Durable<Ledger> = Durable::open(dir).await?;
    for number in 0..ACCOUNTS {
        ledger.deposit(&account(number), CENTS).await??;
    }
    report(&format!("total {}", ledger.total()))?;
    let mut tasks: JoinSet<Outcome<()>> = (0..TASKS).map(|task| keep_transferring(ledger.clone(), task)).collect();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn keep_transferring(ledger: Durable<Ledger>, task: usize) -> Outcome<()> {
    for round in 0.. {
        // The ledger refuses some of these: the same account twice, or more than an account holds.
        let (from, to) = (account(task + 7 * round), account(31 * task + 17 * round));
        let cents = 1 + (task * 37 + round * 101) as u64 % 500;
        match ledger.transfer(&from, &to, cents).await? {
            Ok(()) => report("moved")?,
            Err(_) => report("refused")?,
        }
    }
    Ok(())
}

fn account(number: usize) -> String {
    format!("account {}", number % ACCOUNTS)
}
