//! The crash demonstration: a process that imports, its kill, and the check of its store.
//!
//! The importing process reports each acknowledged call on a line of its standard output, once the `.await` of the call has
//! returned. The store must hold every call that is reported.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use walr::{Durable, Recovery};

use crate::bar::Bar;
use crate::import::{TASKS, lines_below, on_all_tasks};
use crate::victim::{Victim, fresh_folder, report};
use crate::{Cache, Outcome};

/// The number of acknowledged calls after which the importing process is killed, at the earliest.
const CALLS_BEFORE_KILL: usize = 40_000;
/// Each task removes one of this many lines again.
const REMOVED_EACH: usize = 8;
/// The folder whose text is imported.
const WORKSPACE: &str = env!("CARGO_MANIFEST_DIR");

/// The last report about a key.
enum Report {
    /// The insert of this text was acknowledged.
    Inserted(String),
    /// The remove of this text has begun. If the kill interrupts it, it is done or not.
    Removing(String),
    /// The remove was acknowledged.
    Removed,
}

/// Everything that the importing process has reported.
#[derive(Default)]
struct Acknowledged {
    keys: HashMap<String, Report>,
    inserts: usize,
    removes: usize,
}

/// Runs the demonstration. Fails if an acknowledged call is missing.
pub(crate) async fn run() -> Outcome<()> {
    let dir = fresh_folder("cache")?;
    println!("store         {}", dir.display());
    let acknowledged = import_and_kill(&dir)?;
    let calls = acknowledged.inserts + acknowledged.removes;
    println!("killed        the importing process while it wrote");
    println!("acknowledged  {calls} calls: {} inserts, {} removes", acknowledged.inserts, acknowledged.removes);

    let cache: Durable<Cache> = Durable::open(&dir).await?;
    let recovery = cache.store().recovery().clone();
    println!("recovered     {} in {:.1?}", describe(&recovery), recovery.took);
    let entries = cache.read(|cache| cache.entries.len());
    let missing = cache.read(|cache| missing(&acknowledged, cache));
    cache.close().await?;

    for what in missing.iter().take(10) {
        eprintln!("MISSING       {what}");
    }
    if !missing.is_empty() {
        return Err(format!("{} of {calls} acknowledged calls are missing", missing.len()).into());
    }
    // Each task had at most one call in flight, which may be recorded.
    let recovered = usize::try_from(recovery.last.get())?;
    if !(calls..=calls + TASKS).contains(&recovered) {
        return Err(format!("{recovered} records are recovered for {calls} acknowledged calls").into());
    }
    println!("checked       all {calls} calls are recovered, and {} more that were in flight", recovered - calls);
    println!("entries       {entries}; to print them: cargo run --example cache -- --dir '{}' list", dir.display());
    Ok(())
}

/// Starts an importing process, kills it after enough reports, and returns all that it reported.
fn import_and_kill(dir: &Path) -> Outcome<Acknowledged> {
    // The first pass over the text must end, and the second one begin.
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

/// Imports the text of the workspace again and again, until the process is killed.
pub(crate) async fn import_until_killed(dir: &Path) -> Outcome<()> {
    let cache: Durable<Cache> = Durable::open(dir).await?;
    let lines = Arc::new(lines_below(Path::new(WORKSPACE))?);
    on_all_tasks(|task| {
        let (cache, lines) = (cache.clone(), lines.clone());
        async move {
            for pass in 1.. {
                for (place, line) in lines.iter().enumerate().skip(task).step_by(TASKS) {
                    let key = if pass == 1 { line.key.clone() } else { format!("{} (pass {pass})", line.key) };
                    cache.insert(key.clone(), line.text.clone()).await?;
                    report(&format!("inserted\t{key}\t{}", line.text))?;
                    if (place / TASKS).is_multiple_of(REMOVED_EACH) {
                        report(&format!("removing\t{key}"))?;
                        cache.remove(&key).await?;
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
    /// Adds a report. Returns true if it is about an acknowledged call.
    fn note(&mut self, line: &str) -> Outcome<bool> {
        let mut parts = line.splitn(3, '\t');
        let (verb, key, text) = (parts.next(), parts.next(), parts.next());
        match (verb, key, text) {
            (Some("inserted"), Some(key), Some(text)) => {
                self.inserts += 1;
                self.keys.insert(key.to_string(), Report::Inserted(text.to_string()));
            }
            (Some("removing"), Some(key), None) => {
                if let Some(report) = self.keys.get_mut(key)
                    && let Report::Inserted(text) = report
                {
                    *report = Report::Removing(std::mem::take(text));
                }
                return Ok(false);
            }
            (Some("removed"), Some(key), None) => {
                self.removes += 1;
                self.keys.insert(key.to_string(), Report::Removed);
            }
            _ => return Err(format!("the importing process reported {line:?}").into()),
        }
        Ok(true)
    }
}

/// Returns the acknowledged calls that `cache` doesn't show.
fn missing(acknowledged: &Acknowledged, cache: &Cache) -> Vec<String> {
    let wrong = |(key, report): (&String, &Report)| {
        let found = cache.entries.get(key);
        match (report, found) {
            (Report::Inserted(text) | Report::Removing(text), Some(found)) if text == found => None,
            (Report::Removing(_) | Report::Removed, None) => None,
            (Report::Removed, Some(_)) => Some(format!("the remove of {key}")),
            (_, None) => Some(format!("the insert of {key}")),
            (_, Some(found)) => Some(format!("the insert of {key}, which holds {found:?}")),
        }
    };
    acknowledged.keys.iter().filter_map(wrong).collect()
}

/// Describes what a recovery has read.
fn describe(recovery: &Recovery) -> String {
    let (last, replayed, bytes) = (recovery.last, recovery.records, recovery.bytes);
    let cut: u64 = recovery.cut.iter().map(|cut| cut.bytes).sum();
    let cut = if cut == 0 { String::new() } else { format!(", {cut} torn bytes cut off") };
    format!("{last} records: {replayed} of them ({bytes} bytes) replayed from the log{cut},")
}
