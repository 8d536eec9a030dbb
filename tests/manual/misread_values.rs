//! Values that serde's derives write with one variant number and read with another. They are refused, and nothing is recorded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use walr::{Error, ReplayHandlerResult, WAL};

use crate::common::{Result, run};

/// serde numbers all variants when it writes, and leaves `Internal` out when it reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Step {
    #[default]
    Start,
    #[serde(skip)]
    #[expect(dead_code)]
    Internal,
    Inc(u8),
    Dec(u8),
}

fn collect(steps: Vec<Step>, all: Arc<Mutex<Vec<Step>>>) -> ReplayHandlerResult {
    Box::pin(async move {
        all.lock().await.extend(steps);
        Ok(())
    })
}

fn keep(_: Vec<u8>, _: Arc<Mutex<Step>>) -> ReplayHandlerResult {
    Box::pin(async { Ok(()) })
}

#[test]
fn a_misread_log_value_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal: WAL<Step, Vec<Step>> = WAL::open(folder.path(), Box::new(collect), None).await?;
        wal.log(&Step::Start).await?;
        let refused = wal.log(&Step::Inc(2)).await;
        assert!(matches!(refused, Err(Error::Codec { .. })), "{refused:?}");
        let refused = wal.log_many(&[Step::Start, Step::Inc(2)]).await;
        assert!(matches!(refused, Err(Error::Codec { .. })), "{refused:?}");
        drop(wal);
        let mut wal: WAL<Step, Vec<Step>> = WAL::open(folder.path(), Box::new(collect), None).await?;
        assert_eq!(wal.replay().await?, [Step::Start]);
        Ok(())
    })
}

#[test]
fn a_misread_state_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal: WAL<u8, Step> = WAL::open(folder.path(), Box::new(keep), None).await?;
        wal.replay().await?;
        let refused = wal.checkpoint(&Step::Inc(1)).await;
        assert!(matches!(refused, Err(Error::Codec { .. })), "{refused:?}");
        wal.checkpoint(&Step::Start).await?;
        drop(wal);
        let mut wal: WAL<u8, Step> = WAL::open(folder.path(), Box::new(keep), None).await?;
        assert_eq!(wal.replay().await?, Step::Start);
        Ok(())
    })
}
