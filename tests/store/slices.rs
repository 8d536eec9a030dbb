//! A large group is applied in slices: a read comes between two calls of the group and never within a batch, and records
//! that are answered are synced in time.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, WalState};

use crate::common::{Result, begun, eventually, run};

const CLOSED: u8 = 0;
const ENTERED: u8 = 1;
const OPEN: u8 = 2;

/// The doors at which mutations wait until a test opens them. Each test uses doors of its own.
static DOORS: [AtomicU8; 12] = [const { AtomicU8::new(CLOSED) }; 12];

fn pass(door: usize) {
    let _ = DOORS[door].compare_exchange(CLOSED, ENTERED, Ordering::SeqCst, Ordering::SeqCst);
    while DOORS[door].load(Ordering::SeqCst) != OPEN {
        std::thread::yield_now();
    }
    // Takes longer than a slice.
    std::thread::sleep(Duration::from_millis(2));
}

fn open_door(door: usize) {
    DOORS[door].store(OPEN, Ordering::SeqCst);
}

fn is_entered(door: usize) -> bool {
    DOORS[door].load(Ordering::SeqCst) == ENTERED
}

#[derive(Debug, Default, Serialize, Deserialize, WalState)]
struct Passed {
    doors: Vec<usize>,
}

#[walr::mutations]
impl Passed {
    #[mutation]
    fn enter(&mut self, door: usize) {
        pass(door);
        self.doors.push(door);
    }
}

async fn open(durability: Durability) -> walr::Result<Durable<Passed>> {
    let options = Durable::<Passed>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
    options.durability(durability).open_on(Sim::new(), Passed::default).await
}

fn batch(doors: &[usize]) -> Vec<PassedLog> {
    doors.iter().map(|&door| PassedLog::Enter { door }).collect()
}

#[test]
fn a_read_comes_between_two_calls_of_a_group() -> Result {
    run(async {
        let passed = open(Durability::Sync).await?;
        let first = begun(passed.enter(0));
        eventually(|| is_entered(0));
        // These calls form one group.
        let rest: Vec<_> = (0..40).map(|_| begun(passed.enter(1))).collect();
        let reader = passed.clone();
        let reading = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while seen.last() != Some(&41) {
                seen.push(reader.read(|passed| passed.doors.len()));
            }
            seen
        });
        open_door(1);
        open_door(0);
        first.await?;
        for call in rest {
            call.await?;
        }
        let seen = reading.join().map_err(|_| "the read panicked")?;
        assert!(seen.iter().any(|&count| count > 1 && count < 41), "{seen:?}");
        assert_eq!(passed.stats().groups, 2);
        Ok(())
    })
}

#[test]
fn no_read_comes_within_a_batch() -> Result {
    run(async {
        let passed = open(Durability::Sync).await?;
        let both = begun(passed.apply_batch(batch(&[3, 4])));
        eventually(|| is_entered(3));
        let reader = passed.clone();
        let reading = std::thread::spawn(move || reader.read(|passed| passed.doors.clone()));
        open_door(3);
        eventually(|| is_entered(4));
        assert!(!reading.is_finished());
        open_door(4);
        both.await?;
        let seen = reading.join().map_err(|_| "the read panicked")?;
        assert!(seen.is_empty() || seen == [3, 4], "{seen:?}");
        Ok(())
    })
}

#[test]
fn answered_records_are_synced_before_the_rest_of_the_group_is_applied() -> Result {
    run(async {
        let passed = open(Durability::Periodic(Duration::from_millis(1))).await?;
        let first = begun(passed.apply_batch(batch(&[5])));
        eventually(|| is_entered(5));
        let [second, third, fourth] = [6, 7, 8].map(|door| begun(passed.apply_batch(batch(&[door]))));
        open_door(5);
        first.await?;
        open_door(6);
        second.await?;
        open_door(7);
        third.await?;
        // The fourth call still waits at its door.
        eventually(|| passed.stats().durable.get() >= 3);
        open_door(8);
        fourth.await?;
        Ok(())
    })
}
