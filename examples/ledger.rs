//! A ledger that loses no cent.
//!
//! `cargo run --example ledger` starts a second process that makes transfers, a thousand at a time, kills it, opens the store again, and
//! compares the total. The ledger itself is in `ledger/state.rs`.

#[path = "ledger/crash.rs"]
mod crash;
#[path = "ledger/state.rs"]
mod state;
#[path = "shared/victim.rs"]
mod victim;

use std::path::Path;
use std::process::ExitCode;

use walr::Durable;

use state::Ledger;

/// A result whose error is a message for the user.
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

/// Runs the demonstration. Returns `false` if a cent or an acknowledged transfer is missing.
async fn run() -> Outcome<bool> {
    let dir = victim::fresh_folder("ledger")?;
    println!("store         {}", dir.display());
    let before = crash::transfer_and_kill(&dir)?;
    println!("before        {} cents in {} accounts", before.total, crash::ACCOUNTS);
    println!("killed        the other process, with {} transfers in flight", crash::TASKS);
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
