//! The schema that describes the records of a log: the names and shapes of the state and its mutations, in the program that wrote
//! them.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::error::{Error, Result};
use crate::schema::shape::{OPAQUE, Shape, difference, joined, rename_hint, renames};
use crate::schema::state::{Mutation, WalState};

/// The name on disk of every store that is written through [`WAL`](crate::WAL). No derived state has this name by default.
pub(crate) const MANUAL: &str = "walr::WAL";

/// The body of a schema frame, encoded by the codec. It describes the records after it in its segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    /// The state's name on disk.
    pub(crate) state: String,
    /// The state's version.
    pub(crate) version: u32,
    pub(crate) form: TypeForm,
    /// The fingerprint of the mutations' code.
    pub(crate) fingerprint: u64,
    /// The mutations. A record begins with the index of its mutation.
    pub(crate) mutations: Vec<Signature>,
}

/// The two descriptions of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct TypeForm {
    /// The type in the source, for messages, and for comparison where the shape is opaque.
    pub(crate) written: String,
    /// The shape of the type's encoding.
    pub(crate) shape: String,
}

/// A mutation's name on disk and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) name: String,
    /// The name and the form of each parameter.
    pub(crate) params: Vec<(String, TypeForm)>,
}

impl TypeForm {
    /// Returns whether an encoding of one type can be read as the other. Opaque shapes are compared by the source.
    pub(crate) fn is_same(&self, other: &TypeForm) -> bool {
        self.shape == other.shape && (!self.shape.contains(OPAQUE) || self.written == other.written)
    }

    /// Returns both types for a message: in the source, if they differ there.
    pub(crate) fn beside(&self, other: &TypeForm) -> (String, String) {
        match self.written == other.written {
            true => difference(&self.shape, &other.shape),
            false => difference(&self.written, &other.written),
        }
    }

    /// Returns the end of a message: how `now` can keep the names of this type, if the two differ only by names.
    pub(crate) fn rename_hint(&self, now: &TypeForm) -> String {
        rename_hint(&renames(&self.shape, &now.shape).unwrap_or_default())
    }
}

impl Signature {
    fn has_same_types(&self, other: &Signature) -> bool {
        let same = |(one, other): (&(String, TypeForm), &(String, TypeForm))| one.1.is_same(&other.1);
        self.params.len() == other.params.len() && self.params.iter().zip(&other.params).all(same)
    }

    /// Returns both signatures for a message.
    fn beside(&self, other: &Signature) -> (String, String) {
        let shown = |one: &Signature, other: &Signature| {
            let param = |(index, (name, form)): (usize, &(String, TypeForm))| match other.params.get(index) {
                Some((_, other)) if !form.is_same(other) => format!("{name}: {}", form.beside(other).0),
                _ => format!("{name}: {}", form.written),
            };
            let params: Vec<_> = one.params.iter().enumerate().map(param).collect();
            format!("{}({})", one.name, params.join(", "))
        };
        (shown(self, other), shown(other, self))
    }

    /// Returns the end of a message: how `now` can keep the names of these parameters, if the two differ only by names.
    fn rename_hint(&self, now: &Signature) -> String {
        if self.params.len() != now.params.len() {
            return String::new();
        }
        let params = self.params.iter().zip(&now.params);
        let all: Option<Vec<_>> = params.map(|((_, old), (_, new))| renames(&old.shape, &new.shape)).collect();
        let mut all = all.unwrap_or_default().concat();
        all.sort_unstable();
        all.dedup();
        rename_hint(&all)
    }
}

impl Schema {
    /// Returns the schema of this program's `S`.
    pub(crate) fn of<S: WalState>() -> Arc<Schema> {
        Traced::of::<S>().schema.clone()
    }

    /// Checks that the values of `S` and of its log are read as they are written.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`], with the path of each type that can't be read back, or would be read back as another value.
    pub(crate) fn check<S: WalState>() -> Result<()> {
        Traced::of::<S>().refused.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        codec::encode(self, &mut bytes)?;
        Ok(bytes)
    }

    /// Decodes the body of a schema frame: `count` bytes, and padding.
    pub(crate) fn decode(count: u32, body: &[u8]) -> Option<Schema> {
        codec::decode(body.get(..count as usize)?).ok()
    }

    /// Returns for each mutation its index in `now`, by name and types.
    pub(crate) fn indexes_in(&self, now: &Schema) -> Vec<Option<u32>> {
        let index = |old: &Signature| {
            let same = |new: &Signature| new.name == old.name && new.has_same_types(old);
            now.mutations.iter().position(same).map(|index| index as u32)
        };
        self.mutations.iter().map(index).collect()
    }
}

/// The result of the traces of a state and its log.
struct Traced {
    schema: Arc<Schema>,
    /// The reason to refuse every open.
    refused: Option<Error>,
}

impl Traced {
    /// Returns the result for `S`. It is traced once.
    fn of<S: WalState>() -> Arc<Traced> {
        static KNOWN: Mutex<BTreeMap<TypeId, Arc<Traced>>> = Mutex::new(BTreeMap::new());
        let id = TypeId::of::<S>();
        if let Some(known) = KNOWN.lock().get(&id) {
            return known.clone();
        }
        // Outside the lock, because it calls the user's own code.
        let traced = Arc::new(Traced::trace::<S>());
        KNOWN.lock().insert(id, traced.clone());
        traced
    }

    fn trace<S: WalState>() -> Traced {
        let (log, log_flaws) = Shape::checked::<S::Log>(S::index);
        let (state, state_flaws) = Shape::checked::<S>(|_| 0);
        let variants = log.variants();
        let signature = |(index, mutation): (usize, &Mutation)| {
            let shapes = variants.get(index).filter(|shapes| shapes.len() == mutation.params.len());
            let param = |(index, (name, written)): (usize, &(&str, &str))| {
                let shape = shapes.map_or_else(|| OPAQUE.to_string(), |shapes| shapes[index].clone());
                (name.to_string(), TypeForm { written: written.to_string(), shape })
            };
            let params = mutation.params.iter().enumerate().map(param).collect();
            Signature { name: mutation.name.to_string(), params }
        };
        let schema = Schema {
            state: S::NAME.to_string(),
            version: S::VERSION,
            form: TypeForm { written: S::SHAPE.to_string(), shape: state.text() },
            fingerprint: S::FINGERPRINT,
            mutations: S::MUTATIONS.iter().enumerate().map(signature).collect(),
        };
        let mut flaws = state_flaws.of_state(S::NAME);
        flaws.extend(log_flaws.of_log(S::MUTATIONS));
        Traced { schema: Arc::new(schema), refused: joined(flaws) }
    }
}

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

    /// Returns the number of records of other code than that of `now`.
    pub(crate) fn of_other_code(&self, now: &Schema) -> u64 {
        let other = self.0.iter().filter(|(schema, _)| schema.fingerprint != now.fingerprint);
        other.flat_map(|(_, counts)| counts).sum()
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
        let mut totals: BTreeMap<&Signature, u64> = BTreeMap::new();
        for (schema, counts) in &self.0 {
            for (old, count) in schema.mutations.iter().zip(counts).filter(|(_, count)| **count > 0) {
                *totals.entry(old).or_default() += count;
            }
        }
        let reasons: Vec<_> = totals.iter().filter_map(|(old, count)| not_replayable(old, *count, now)).collect();
        if reasons.is_empty() { Ok(()) } else { refuse(reasons.join("; and ")) }
    }
}

/// Returns the reason if `now` can't replay the `count` records of `old`.
fn not_replayable(old: &Signature, count: u64, now: &Schema) -> Option<String> {
    let name = &old.name;
    let records = if count == 1 { "1 record".to_string() } else { format!("{count} records") };
    match now.mutations.iter().find(|new| new.name == *name) {
        Some(new) if new.has_same_types(old) => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a schema of mutations with these names and types of parameters.
    fn schema(mutations: &[(&str, &[(&str, &str)])]) -> Schema {
        let form = |text: &str| TypeForm { written: text.to_string(), shape: text.to_string() };
        let signature = |(name, params): &(&str, &[(&str, &str)])| Signature {
            name: name.to_string(),
            params: params.iter().map(|(name, shape)| (name.to_string(), form(shape))).collect(),
        };
        Schema {
            state: "Cache".into(),
            version: 1,
            form: form(""),
            fingerprint: 0,
            mutations: mutations.iter().map(signature).collect(),
        }
    }

    fn check(old: &Schema, new: &Schema, records: &[u64]) -> Result<(), String> {
        let mut counts = MutationCounts::default();
        counts.add(old, records);
        counts.check(new, Path::new("cache")).map_err(|error| error.to_string())
    }

    #[test]
    fn mutations_may_move_and_parameters_may_be_renamed() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[]), ("touch", &[]), ("insert", &[("k", "String")])]);
        assert_eq!(check(&old, &new, &[4, 1]), Ok(()));
        assert_eq!(old.indexes_in(&new), [Some(2), Some(0)]);
    }

    #[test]
    fn mutations_without_records_may_be_removed() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[])]);
        assert_eq!(check(&old, &new, &[0, 9]), Ok(()));
        assert_eq!(old.indexes_in(&new), [None, Some(0)]);
        let error = check(&old, &new, &[3, 0]).unwrap_err();
        assert!(error.contains("3 records") && error.contains("`insert`") && error.contains("replay_only"), "{error}");
    }

    #[test]
    fn records_of_several_segments_are_counted_together() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let later = schema(&[("touch", &[]), ("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[]);
        let mut counts = MutationCounts::default();
        for (schema, segment) in [(&old, &[3, 0][..]), (&old, &[2, 1]), (&later, &[0, 4, 0])] {
            counts.add(schema, segment);
        }
        let error = counts.check(&new, Path::new("cache")).unwrap_err().to_string();
        assert!(error.contains("9 records of the mutation `insert`"), "{error}");
        assert!(error.contains("1 record of the mutation `clear`"), "{error}");
    }

    #[test]
    fn a_later_version_of_the_state_is_refused() {
        let (mut old, new) = (schema(&[("clear", &[])]), schema(&[("clear", &[])]));
        old.version = 2;
        assert_eq!(check(&old, &new, &[0]), Ok(()));
        assert!(check(&old, &new, &[1]).unwrap_err().contains("the log holds version 2 of `Cache`"));
    }

    #[test]
    fn opaque_shapes_are_compared_by_the_source() {
        let form = |written: &str, shape: &str| TypeForm { written: written.to_string(), shape: shape.to_string() };
        assert!(form("Vec<A>", "seq<u8>").is_same(&form("Bytes", "seq<u8>")));
        assert!(!form("A", "u8").is_same(&form("A", "u16")));
        assert!(!form("A", "opaque").is_same(&form("B", "opaque")));
        assert!(form("A", "opaque").is_same(&form("A", "opaque")));
    }

    #[test]
    fn a_changed_signature_shows_both() {
        let old = schema(&[("insert", &[("key", "String")])]);
        let new = schema(&[("insert", &[("key", "u64")])]);
        let error = check(&old, &new, &[1]).unwrap_err();
        assert!(error.contains("insert(key: String)") && error.contains("insert(key: u64)"), "{error}");
        assert_eq!(old.indexes_in(&new), [None]);
    }

    #[test]
    fn another_state_is_refused_by_name() {
        let old = schema(&[]);
        let new = Schema { state: "Ledger".into(), ..schema(&[]) };
        let error = check(&old, &new, &[]).unwrap_err();
        assert!(error.contains("Cache") && error.contains("Ledger"), "{error}");
    }

    #[test]
    fn a_schema_is_decoded_as_it_was_encoded() {
        let old = schema(&[("insert", &[("key", "String")])]);
        let mut body = old.encode().unwrap();
        let len = body.len() as u32;
        body.extend_from_slice(&[0; 5]);
        assert_eq!(Schema::decode(len, &body).unwrap(), old);
        assert_eq!(Schema::decode(len + 6, &body), None);
    }
}
