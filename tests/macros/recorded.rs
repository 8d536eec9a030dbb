//! `#[record(EXPR)]`: evaluated once, at the call, and never again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use walr::{Durable, WalState};

use crate::{Result, open};

static NEXT: AtomicU64 = AtomicU64::new(1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
pub struct Events {
    events: Vec<(u64, String, usize)>,
    last: Option<SystemTime>,
}

#[walr::mutations]
impl Events {
    #[mutation]
    pub fn log(
        &mut self,
        text: &str,
        #[record(SystemTime::now())] at: SystemTime,
        #[record(Self::next_id())] id: u64,
        #[record(text.len() + Self { events: Vec::new(), last: Some(at) }.events.len())] length: usize,
    ) -> u64 {
        self.last = self.last.max(Some(at));
        self.events.push((id, text.to_string(), length));
        id
    }

    fn next_id() -> u64 {
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn values_are_those_of_the_call() -> Result {
    let (folder, events) = open::<Events>().await?;
    let before = NEXT.load(Ordering::Relaxed);
    let call = events.log("abc");
    assert_eq!(NEXT.load(Ordering::Relaxed), before, "nothing happens before the first poll");
    assert_eq!(call.await?, before);
    let state = events.read(Clone::clone);
    assert_eq!(state.events, [(before, "abc".to_string(), 3)]);
    drop(events);
    let again = Durable::<Events>::open(folder.path()).await?;
    assert_eq!(again.read(Clone::clone), state, "replay takes the recorded values");
    assert_eq!(NEXT.load(Ordering::Relaxed), before + 1);
    // The log has them as arguments like any other.
    let log = EventsLog::Log { text: String::new(), at: SystemTime::UNIX_EPOCH, id: 7, length: 0 };
    assert!(matches!(again.apply(log).await?, EventsOutcome::Log(7)));
    Ok(())
}
