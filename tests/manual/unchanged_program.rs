//! A program that was written for walr 0.1.6 by its documentation, and changed in its options only: there is no `divider` any
//! more.

use crate::common::{Result, run};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use walr::error::Error;
use walr::options::{WALOptions, WALOptionsBuilder};
use walr::{ReplayHandler, ReplayHandlerResult, WAL};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stock {
    items: HashMap<String, u64>,
    sold: u64,
}

#[derive(Serialize, Deserialize)]
enum StockLog {
    Deliver { item: String, count: u64 },
    Sell(String),
    Close,
}

impl Stock {
    fn apply(&mut self, log: StockLog) {
        match log {
            StockLog::Deliver { item, count } => *self.items.entry(item).or_default() += count,
            StockLog::Sell(item) => {
                if let Some(count) = self.items.get_mut(&item) {
                    *count -= 1;
                    self.sold += 1;
                }
            }
            StockLog::Close => self.items.clear(),
        }
    }
}

fn replay_handler(logs: Vec<StockLog>, checkpoint: Arc<Mutex<Stock>>) -> ReplayHandlerResult {
    Box::pin(async move {
        let mut stock = checkpoint.lock().await;

        for log in logs {
            stock.apply(log);
        }

        Ok(())
    })
}

/// Opens a log again, with the bounds that a generic helper of such a program has.
async fn reopen<Log, State>(
    path: &std::path::PathBuf,
    handler: ReplayHandler<Log, State>,
    options: &WALOptions,
) -> Result<WAL<Log, State>, Error>
where
    Log: Serialize + for<'a> Deserialize<'a>,
    State: Default + Serialize + for<'a> Deserialize<'a>,
{
    WAL::<Log, State>::open(path, handler, Some(options.clone())).await
}

fn deliver(item: &str, count: u64) -> StockLog {
    StockLog::Deliver { item: item.to_string(), count }
}

async fn program(path: std::path::PathBuf) -> Result<(), Error> {
    let options = WALOptionsBuilder::new().max_size(200).iter_batch_size(3).iter_chunk_size(64).build();
    let mut wal: WAL<StockLog, Stock> =
        WAL::open(path.clone(), Box::new(replay_handler), Some(options.clone())).await?;
    assert_eq!(wal.data_path, path);
    assert_eq!(wal.options.iter_batch_size, 3);
    assert_eq!(wal.size, 0);
    let mut stock = wal.replay().await?;
    assert_eq!(stock, Stock::default());

    wal.log(&deliver("tea", 5)).await?;
    stock.apply(deliver("tea", 5));
    wal.log(&StockLog::Sell("tea".to_string())).await?;
    stock.apply(StockLog::Sell("tea".to_string()));

    let logs = vec![deliver("milk", 2), deliver("bread", 3), StockLog::Sell("milk".to_string())];
    wal.log_many(&logs).await?;
    for log in logs {
        stock.apply(log);
    }

    let size = wal.size;
    wal.log(&StockLog::Close).await?;
    assert!(wal.size > size);
    wal.undo().await?;
    assert_eq!(wal.size, size);
    wal.undo().await?;
    assert_eq!(wal.size, size);
    let logs = vec![StockLog::Close, StockLog::Close];
    wal.log_many(&logs).await?;
    wal.undo().await?;

    drop(wal);
    let mut wal = reopen(&path, Box::new(replay_handler), &options).await?;
    assert_eq!(wal.size, size);
    assert_eq!(wal.replay().await?, stock);
    assert_eq!(wal.size, 0);
    assert_eq!(wal.replay().await?, stock);

    while !wal.should_checkpoint() {
        let log = deliver("coffee", 1);
        wal.log(&log).await?;
        stock.apply(log);
    }
    wal.checkpoint(&stock).await?;
    assert!(!wal.should_checkpoint());
    assert!(format!("{wal:?}").starts_with("WAL {"), "{wal:?}");

    wal.log(&StockLog::Sell("coffee".to_string())).await?;
    stock.apply(StockLog::Sell("coffee".to_string()));
    drop(wal);
    let mut wal = reopen(&path, Box::new(replay_handler), &WALOptions::default()).await?;
    assert_eq!(wal.options.max_size, 1_073_741_824);
    assert_eq!(wal.replay().await?, stock);
    Ok(())
}

#[test]
fn a_program_for_walr_0_1_6_runs_unchanged() -> Result {
    let folder = tempfile::tempdir()?;
    Ok(run(program(folder.path().join("stock")))?)
}

/// The futures of walr 0.1.6 are `Send`, and it asks nothing but `serde` of logs and states.
#[test]
fn calls_can_be_spawned_and_values_need_not_be_send() -> Result {
    #[derive(Serialize, Deserialize)]
    struct Local(String, std::marker::PhantomData<std::rc::Rc<()>>);
    fn ignore(_: Vec<Local>, _: Arc<Mutex<u8>>) -> ReplayHandlerResult {
        Box::pin(async { Ok(()) })
    }
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("spawned");
        tokio::spawn(async move { program(path).await }).await??;
        let mut wal: WAL<Local, u8> = WAL::open(folder.path().join("local"), Box::new(ignore), None).await?;
        wal.log(&Local("here".to_string(), std::marker::PhantomData)).await?;
        assert_eq!(wal.replay().await?, 0);
        Ok(())
    })
}
