//! The check that this program can read what another program wrote, or an older version of this one, and the reasons if it can't.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::schema::stored_schema::{Schema, Signature};

/// The name on disk of every store that is written through [`WAL`](crate::WAL). No derived state has this name by default.
pub(crate) const MANUAL: &str = "walr::WAL";

/// The numbers of records above a checkpoint: for each schema, those of its mutations.
#[derive(Debug, Default)]
pub(crate) struct MutationCounts(Vec<(Schema, Vec<u64>)>);

impl MutationCounts {
    /// Adds the records of a segment: `counts` has one number for each mutation.
    pub(crate) fn add(&mut self, schema: &Schema, counts: &[u64]) {
        match self.0.iter_mut().find(|(known, _)| known == schema) {
            Some((_, known)) => known.iter_mut().zip(counts).for_each(|(known, count)| *known += count),
            None => self.0.push((schema.clone(), counts.to_vec())),
        }
    }

    /// Checks that `now` can replay all records.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] with all reasons.
    pub(crate) fn check(&self, now: &Schema, path: &Path) -> Result<()> {
        let refuse = |reason| Err(Error::Schema { path: path.to_path_buf(), reason });
        if let Some((other, _)) = self.0.iter().find(|(schema, _)| schema.state != now.state) {
            return refuse(other_state(&other.state, &now.state));
        }
        let used = self.0.iter().filter(|(_, counts)| counts.iter().any(|count| *count > 0));
        if let Some(found) = used.map(|(schema, _)| schema.version).find(|version| *version > now.version) {
            return refuse(newer_version("log", found, now));
        }
        // Records are read without results and code, so that mutations that differ in these are the same here.
        let mut totals: BTreeMap<_, (&Signature, u64)> = BTreeMap::new();
        for (schema, counts) in &self.0 {
            for (old, count) in schema.mutations.iter().zip(counts).filter(|(_, count)| **count > 0) {
                totals.entry((&old.name, &old.params)).or_insert((old, 0)).1 += count;
            }
        }
        let reasons: Vec<_> = totals.values().filter_map(|(old, count)| not_replayable(old, *count, now)).collect();
        if reasons.is_empty() { Ok(()) } else { refuse(reasons.join("; and ")) }
    }
}

/// Returns the reason if `now` can't replay the `count` records of `old`.
fn not_replayable(old: &Signature, count: u64, now: &Schema) -> Option<String> {
    let name = &old.name;
    let records = if count == 1 { "1 record".to_string() } else { format!("{count} records") };
    match now.mutations.iter().find(|new| new.name == *name) {
        Some(new) if old.reads_as(new) => None,
        Some(new) => {
            let hint = old.rename_hint(new);
            let (old, new) = old.beside(new);
            let reason = format!(
                "the log holds {records} of `{old}`, and this program has `{new}`; keep the old form too, marked \
                 `#[mutation(name = \"{name}\", replay_only)]`, and give the new one another name"
            );
            Some(reason + &hint)
        }
        None => Some(format!(
            "the log holds {records} of the mutation `{name}`, which this program doesn't have; if the method was \
             renamed, mark it `#[mutation(name = \"{name}\")]`, if it was removed, keep it marked \
             `#[mutation(name = \"{name}\", replay_only)]`"
        )),
    }
}

/// Returns the reason to refuse a file (`what`) whose state has the later version `found`.
pub(crate) fn newer_version(what: &str, found: u32, now: &Schema) -> String {
    let (name, known) = (&now.state, now.version);
    format!(
        "the {what} holds version {found} of `{name}`, and this program has version {known}; open it with the newer program"
    )
}

/// Returns the reason to refuse a folder of the state `found` that is opened as `wanted`.
pub(crate) fn other_state(found: &str, wanted: &str) -> String {
    if found == MANUAL {
        return format!(
            "the folder was written through `{MANUAL}`, with a log type of its own, and was opened as a `{wanted}`; open it \
             with `{MANUAL}`, or open the right folder"
        );
    }
    if wanted == MANUAL {
        return format!(
            "the folder holds a `{found}`, with mutations, and was opened through `{MANUAL}`; open it with \
             `Durable<{found}>`, or open the right folder"
        );
    }
    format!(
        "the folder holds a `{found}`, and was opened as a `{wanted}`; open the right folder, or, if the type was \
         renamed, mark it `#[wal(name = \"{found}\")]`"
    )
}
