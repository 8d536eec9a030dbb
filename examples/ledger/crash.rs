//! The crash: a process that makes transfers, and the kill.
//!
//! That process writes a line to its standard output for each call that was acknowledged, after its `.await` has returned.

use std::path::Path;

use tokio::task::JoinSet;
use walr::Durable;

use crate::Outcome;
use crate::state::Ledger;
use crate::victim::{Victim, report};

pub(crate) const ACCOUNTS: usize = 100;
/// How many transfers are under way at once.
pub(crate) const TASKS: usize = 1_000;
/// What each account begins with.
const CENTS: u64 = 1_000;
/// The process is killed after this many acknowledged transfers.
const TRANSFERS_BEFORE_KILL: usize = 10_000;

/// What the process had reported when it was killed.
#[derive(Default)]
pub(crate) struct Reported {
    /// The total before the first transfer, in cents.
    pub(crate) total: u128,
    /// Transfers that were acknowledged and done.
    pub(crate) moved: usize,
    /// Transfers that were acknowledged, recorded and refused by the ledger.
    pub(crate) refused: usize,
}

impl Reported {
    /// Whether `records` records can be the deposits, the transfers that were acknowledged, and at most those under way.
    pub(crate) fn agrees_with(&self, records: usize) -> bool {
        let acknowledged = ACCOUNTS + self.moved + self.refused;
        (acknowledged..=acknowledged + TASKS).contains(&records)
    }

    fn note(&mut self, line: &str) -> Outcome<()> {
        match line.split_once(' ') {
            None if line == "moved" => self.moved += 1,
            None if line == "refused" => self.refused += 1,
            Some(("total", cents)) => self.total = cents.parse()?,
            _ => return Err(format!("the other process said {line:?}").into()),
        }
        Ok(())
    }
}

/// Reads the reports of a process that makes transfers, kills it, and reads what it had still reported by then.
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

/// The other process: deposits, and then a thousand tasks that make transfers until they are killed.
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
        // Any accounts and amounts will do, as long as they vary; some are the same twice, some more than there is.
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
