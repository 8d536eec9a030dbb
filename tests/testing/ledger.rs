//! The ledger of `examples/ledger.rs` loses no cent in a crash, and the crash test finds ledgers that do.

use std::collections::BTreeMap;
use std::error::Error;

use serde::{Deserialize, Serialize};
use walr::testing::{Report, crash_test};
use walr::{Durable, WalState};

#[path = "../../examples/ledger/state.rs"]
mod state;

use state::{Ledger, LedgerLog};

const ACCOUNTS: [&str; 3] = ["anna", "bert", "carl"];
const CENTS: u64 = 1_000;

/// Opens all accounts in one batch, so that a crash leaves all of them or none.
async fn open_accounts(ledger: &Durable<Ledger>) -> walr::Result<()> {
    let deposit = |account: &str| LedgerLog::Deposit { account: account.to_string(), cents: CENTS };
    ledger.apply_batch(ACCOUNTS.map(deposit)).await?;
    Ok(())
}

/// The invariant of a ledger: no cent is lost, and none is created.
fn balances(ledger: &Ledger) -> Result<(), String> {
    match ledger.total() {
        0 | 3_000 => Ok(()),
        cents => Err(format!("{cents} cents")),
    }
}

#[test]
fn a_crash_loses_no_cent() {
    let report = crash_test(
        async |ledger: Durable<Ledger>| {
            open_accounts(&ledger).await?;
            for round in 0..20 {
                let (from, to) = (ACCOUNTS[round % 3], ACCOUNTS[(round + 1 + round / 3 % 2) % 3]);
                // The ledger refuses some of the transfers. A refusal is a result like any other.
                let _ = ledger.transfer(from, to, 137 * round as u64).await?;
            }
            Ok(())
        },
        balances,
    );
    report.assert_ok();
    println!("{report}");
}

#[test]
fn a_crash_during_many_transfers_loses_no_cent() {
    let report = crash_test(
        async |ledger: Durable<Ledger>| {
            open_accounts(&ledger).await?;
            let mut tasks = tokio::task::JoinSet::new();
            for task in 0..12 {
                let ledger = ledger.clone();
                tasks.spawn(async move { ledger.transfer(ACCOUNTS[task % 3], ACCOUNTS[(task + 1) % 3], 400).await });
            }
            while let Some(transfer) = tasks.join_next().await {
                let _ = transfer??;
            }
            Ok(())
        },
        balances,
    );
    report.assert_ok();
    println!("{report}");
}

#[track_caller]
fn assert_fails(report: &Report, what: &str) {
    let failure = report.failure.as_ref().unwrap_or_else(|| panic!("the crash test passed: {report}"));
    assert!(failure.reason.contains(what), "{failure}");
    println!("{failure}");
}

#[test]
fn a_transfer_of_two_calls_fails() {
    let report = crash_test(
        async |ledger: Durable<Ledger>| {
            open_accounts(&ledger).await?;
            // The planted bug: a crash between the two calls loses the money.
            ledger.withdraw("anna", 100).await??;
            ledger.deposit("bert", 100).await??;
            Ok(())
        },
        balances,
    );
    assert_fails(&report, "2900 cents");
}

/// A ledger whose transfer has a bug planted in it.
#[derive(Default, Serialize, Deserialize, WalState)]
struct Leaky {
    accounts: BTreeMap<String, u64>,
}

#[walr::mutations]
impl Leaky {
    #[mutation]
    fn deposit(&mut self, account: &str, cents: u64) {
        *self.accounts.entry(account.to_string()).or_default() += cents;
    }

    /// The planted bug: the transfer deposits before it checks the withdrawal, and an error rolls nothing back.
    #[mutation]
    fn transfer(&mut self, from: &str, to: &str, cents: u64) -> Result<(), String> {
        self.deposit(to, cents);
        let from = self.accounts.get_mut(from).ok_or("there is no such account")?;
        *from = from.checked_sub(cents).ok_or("that is too much")?;
        Ok(())
    }
}

async fn overdraw(ledger: Durable<Leaky>) -> Result<(), Box<dyn Error>> {
    ledger
        .apply_batch(ACCOUNTS.map(|account| LeakyLog::Deposit { account: account.to_string(), cents: CENTS }))
        .await?;
    ledger.transfer("anna", "bert", 900).await??;
    ledger.transfer("anna", "bert", 900).await?.expect_err("anna has 100 cents left");
    Ok(())
}

#[test]
fn a_transfer_that_deposits_before_it_checks_fails() {
    let report = crash_test(overdraw, |ledger: &Leaky| {
        let total: u64 = ledger.accounts.values().sum();
        assert!(total == 0 || total == 3_000, "{total} cents");
    });
    assert_fails(&report, "3900 cents");
}
