//! `#[record(EXPR)]` evaluates its expression once, at the call, and never on replay.

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

    /// Records values that borrow from earlier ones.
    #[mutation]
    pub fn shout<'a>(
        &mut self,
        text: &'a str,
        #[record(text.to_uppercase())] loud: String,
        #[record(loud.get(..1).unwrap_or_default())] first: &str,
        #[record(std::slice::from_ref(&loud))] all: &[String],
        #[record(&length_of(text))] length: &'a usize,
    ) -> (String, usize, usize) {
        self.events.push((0, loud, *length));
        (first.to_string(), all.len(), *length)
    }

    fn next_id() -> u64 {
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

fn length_of(text: &str) -> usize {
    text.len()
}

#[tokio::test]
async fn a_recorded_value_may_borrow_from_an_earlier_one() -> Result {
    let (_folder, events) = open::<Events>().await?;
    assert_eq!(events.shout("abc").await?, ("A".to_string(), 1, 3));
    assert_eq!(events.read(|events| events.events[0].1.clone()), "ABC");
    Ok(())
}

#[tokio::test]
async fn recorded_values_are_evaluated_once_at_the_first_poll() -> Result {
    let (folder, events) = open::<Events>().await?;
    let before = NEXT.load(Ordering::Relaxed);
    let call = events.log("abc");
    assert_eq!(NEXT.load(Ordering::Relaxed), before, "an expression was evaluated before the first poll");
    assert_eq!(call.await?, before);
    let state = events.read(Clone::clone);
    assert_eq!(state.events, [(before, "abc".to_string(), 3)]);
    drop(events);
    let again = Durable::<Events>::open(folder.path()).await?;
    assert_eq!(again.read(Clone::clone), state, "the replay uses the recorded values");
    assert_eq!(NEXT.load(Ordering::Relaxed), before + 1);
    // In the log, recorded values are arguments like all others.
    let log = EventsLog::Log { text: String::new(), at: SystemTime::UNIX_EPOCH, id: 7, length: 0 };
    assert!(matches!(again.apply(log).await?, EventsOutcome::Log(7)));
    Ok(())
}
