//! The crash: a process that imports, the kill, and the check of what the store holds afterwards.
//!
//! The importing process writes a line to its standard output for each call that was acknowledged, after its `.await` has
//! returned: what this process reads there, the store must hold.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use walr::{Durable, Recovery};

use crate::bar::Bar;
use crate::import::{TASKS, lines_below, on_all_tasks};
use crate::victim::{Victim, fresh_folder, report};
use crate::{Cache, Outcome};

/// The importing process is killed after at least this many acknowledged calls.
const CALLS_BEFORE_KILL: usize = 40_000;
/// Each task takes one in this many of its lines out again.
const REMOVED_EACH: usize = 8;
const WORKSPACE: &str = env!("CARGO_MANIFEST_DIR");

/// What the importing process did with a key, in the order of its reports.
enum Told {
    /// The insert of this text was acknowledged.
    Inserted(String),
    /// And it is about to call `remove`, which may have happened or not when it is killed.
    Removing(String),
    /// The remove was acknowledged.
    Removed,
}

#[derive(Default)]
struct Acknowledged {
    keys: HashMap<String, Told>,
    inserts: usize,
    removes: usize,
}

/// Imports in another process, kills it, opens the store and checks it. False if anything acknowledged is missing.
pub(crate) async fn run() -> Outcome<bool> {
    let dir = fresh_folder("cache")?;
    println!("store         {}", dir.display());
    let acknowledged = import_and_kill(&dir)?;
    let calls = acknowledged.inserts + acknowledged.removes;
    println!("killed        the importing process, in the middle of writing");
    println!("acknowledged  {calls} calls: {} inserts, {} removes", acknowledged.inserts, acknowledged.removes);

    let state: Durable<Cache> = Durable::open(&dir).await?;
    let store = state.store();
    let recovery = store.recovery();
    println!("recovered     {} in {:.1?}", describe(recovery), recovery.took);
    let entries = state.read(|cache| cache.entries.len());
    let missing = state.read(|cache| missing(&acknowledged, cache));
    let recovered = usize::try_from(recovery.last.get())?;
    state.close().await?;

    for what in missing.iter().take(10) {
        eprintln!("MISSING       {what}");
    }
    if !missing.is_empty() || !(calls..=calls + TASKS).contains(&recovered) {
        eprintln!("FAILED        {} of {calls} acknowledged calls are missing", missing.len());
        return Ok(false);
    }
    let under_way = recovered - calls;
    println!("checked       all {calls} are there; {under_way} more were called, and recorded, but not yet answered");
    println!("entries       {entries}; to see them: cargo run --example cache -- --dir '{}' list", dir.display());
    Ok(true)
}

/// Reads the reports of a process that imports, kills it, and reads what it had still reported by then.
fn import_and_kill(dir: &Path) -> Outcome<Acknowledged> {
    // At least once over all the text, and into the next pass.
    let calls = CALLS_BEFORE_KILL.max(lines_below(Path::new(WORKSPACE))?.len() * 3 / 2);
    let (mut acknowledged, bar) = (Acknowledged::default(), Bar::new(calls));
    let mut victim = Victim::start(dir)?;
    while acknowledged.inserts + acknowledged.removes < calls {
        if let Some(line) = victim.report()?
            && acknowledged.note(&line)?
        {
            bar.step();
        }
    }
    victim.kill()?;
    while let Some(line) = victim.report()? {
        acknowledged.note(&line)?;
    }
    Ok(acknowledged)
}

/// The importing process: it goes over the workspace's text again and again, until it is killed.
pub(crate) async fn import_until_killed(dir: &Path) -> Outcome<()> {
    let state: Durable<Cache> = Durable::open(dir).await?;
    let lines = Arc::new(lines_below(Path::new(WORKSPACE))?);
    on_all_tasks(|task| {
        let (state, lines) = (state.clone(), lines.clone());
        async move {
            for pass in 1.. {
                for (place, line) in lines.iter().enumerate().skip(task).step_by(TASKS) {
                    let key = if pass == 1 { line.key.clone() } else { format!("{} (pass {pass})", line.key) };
                    state.insert(key.clone(), line.text.clone()).await?;
                    report(&format!("inserted\t{key}\t{}", line.text))?;
                    if (place / TASKS).is_multiple_of(REMOVED_EACH) {
                        report(&format!("removing\t{key}"))?;
                        state.remove(&key).await?;
                        report(&format!("removed\t{key}"))?;
                    }
                }
            }
            Ok(())
        }
    })
    .await
}

impl Acknowledged {
    /// Takes note of a report, and says whether it is about an acknowledged call.
    fn note(&mut self, line: &str) -> Outcome<bool> {
        let mut parts = line.splitn(3, '\t');
        let (verb, key, text) = (parts.next(), parts.next(), parts.next());
        match (verb, key, text) {
            (Some("inserted"), Some(key), Some(text)) => {
                self.inserts += 1;
                self.keys.insert(key.to_string(), Told::Inserted(text.to_string()));
            }
            (Some("removing"), Some(key), None) => {
                if let Some(told) = self.keys.get_mut(key)
                    && let Told::Inserted(text) = told
                {
                    *told = Told::Removing(std::mem::take(text));
                }
                return Ok(false);
            }
            (Some("removed"), Some(key), None) => {
                self.removes += 1;
                self.keys.insert(key.to_string(), Told::Removed);
            }
            _ => return Err(format!("the importing process said {line:?}").into()),
        }
        Ok(true)
    }
}

/// What was acknowledged and isn't so in `cache`.
fn missing(acknowledged: &Acknowledged, cache: &Cache) -> Vec<String> {
    let wrong = |(key, told): (&String, &Told)| {
        let found = cache.entries.get(key);
        match (told, found) {
            (Told::Inserted(text) | Told::Removing(text), Some(found)) if text == found => None,
            (Told::Removing(_) | Told::Removed, None) => None,
            (Told::Removed, Some(_)) => Some(format!("the remove of {key}")),
            (_, None) => Some(format!("the insert of {key}")),
            (_, Some(found)) => Some(format!("the text of {key}, which is {found:?}")),
        }
    };
    acknowledged.keys.iter().filter_map(wrong).collect()
}

fn describe(recovery: &Recovery) -> String {
    let (last, replayed, bytes) = (recovery.last, recovery.records, recovery.bytes);
    let cut: u64 = recovery.cut.iter().map(|cut| cut.bytes).sum();
    let cut = if cut == 0 { String::new() } else { format!(", {cut} torn bytes cut off") };
    format!("{last} records: {replayed} of them ({bytes} bytes) replayed from the log{cut},")
}
