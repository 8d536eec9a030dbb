//! What the log's records mean: the state's and the mutations' names and shapes, as the program that wrote them knew them.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::error::{Error, Result};
use crate::shape::{OPAQUE, Shape, difference, given_back, joined, renamed};
use crate::state::WalState;

/// The name on disk of what is written through [`WAL`](crate::WAL), whatever its state is; no derived state has it by itself.
pub(crate) const MANUAL: &str = "walr::WAL";

/// The body of a schema frame (encoded by the codec): it holds for the records that follow it in its segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    /// The state's name on disk.
    pub(crate) state: String,
    /// The state's version.
    pub(crate) version: u32,
    /// The state's form.
    pub(crate) form: Form,
    /// The fingerprint of the code of the mutations.
    pub(crate) fingerprint: u64,
    /// The mutations; a record begins with its mutation's place here.
    pub(crate) mutations: Vec<Signature>,
}

/// A type's form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Form {
    /// As it is written in the source: for messages, and where the shape is opaque.
    pub(crate) written: String,
    /// As its encoding is read.
    pub(crate) shape: String,
}

/// A mutation's name on disk and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) name: String,
    /// Name and form of each parameter.
    pub(crate) params: Vec<(String, Form)>,
}

impl Form {
    /// Whether one is read as the other. What can't be traced is compared as it is written.
    pub(crate) fn is_same(&self, other: &Form) -> bool {
        self.shape == other.shape && (!self.shape.contains(OPAQUE) || self.written == other.written)
    }

    /// This and another form for a message: as they are written, if that shows the difference.
    pub(crate) fn beside(&self, other: &Form) -> (String, String) {
        match self.written == other.written {
            true => difference(&self.shape, &other.shape),
            false => difference(&self.written, &other.written),
        }
    }

    /// What makes `now` read what this wrote, if they differ by names alone, for the end of a message.
    pub(crate) fn way_back(&self, now: &Form) -> String {
        given_back(&renamed(&self.shape, &now.shape).unwrap_or_default())
    }
}

impl Signature {
    fn same_types(&self, other: &Signature) -> bool {
        let same = |(one, other): (&(String, Form), &(String, Form))| one.1.is_same(&other.1);
        self.params.len() == other.params.len() && self.params.iter().zip(&other.params).all(same)
    }

    /// This and another signature of the same mutation for a message.
    fn beside(&self, other: &Signature) -> (String, String) {
        let shown = |one: &Signature, other: &Signature| {
            let param = |(at, (name, form)): (usize, &(String, Form))| match other.params.get(at) {
                Some((_, other)) if !form.is_same(other) => format!("{name}: {}", form.beside(other).0),
                _ => format!("{name}: {}", form.written),
            };
            let params: Vec<_> = one.params.iter().enumerate().map(param).collect();
            format!("{}({})", one.name, params.join(", "))
        };
        (shown(self, other), shown(other, self))
    }

    /// As that of a form.
    fn way_back(&self, now: &Signature) -> String {
        let params = self.params.iter().zip(&now.params);
        let names: Option<Vec<_>> = params.map(|((_, old), (_, new))| renamed(&old.shape, &new.shape)).collect();
        match names {
            Some(names) if self.params.len() == now.params.len() => {
                let mut names = names.concat();
                names.sort_unstable();
                names.dedup();
                given_back(&names)
            }
            _ => String::new(),
        }
    }
}

impl Schema {
    /// The schema of this program's `S`.
    pub(crate) fn of<S: WalState>() -> Arc<Schema> {
        Traced::of::<S>().schema.clone()
    }

    /// Whether what `S` and its log write is what they read.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`], which names each type that can't be read back, or would be read back as another value, and where it
    /// stands.
    pub(crate) fn check<S: WalState>() -> Result<()> {
        Traced::of::<S>().refused.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        codec::encode(self, &mut bytes)?;
        Ok(bytes)
    }

    /// A schema frame's body: the encoding, and the padding behind it.
    pub(crate) fn decode(count: u32, body: &[u8]) -> Option<Schema> {
        codec::decode(body.get(..count as usize)?).ok()
    }

    /// Where each of this schema's mutations is in `now`, by name and types.
    pub(crate) fn places_in(&self, now: &Schema) -> Vec<Option<u32>> {
        let place = |old: &Signature| {
            let same = |new: &Signature| new.name == old.name && new.same_types(old);
            now.mutations.iter().position(same).map(|place| place as u32)
        };
        self.mutations.iter().map(place).collect()
    }
}

/// What a trace of a state and its log has found.
struct Traced {
    schema: Arc<Schema>,
    /// Why no store of it opens.
    refused: Option<Error>,
}

impl Traced {
    /// Of this program's `S`; once.
    fn of<S: WalState>() -> Arc<Traced> {
        static KNOWN: Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>> = Mutex::new(BTreeMap::new());
        let id = TypeId::of::<S>();
        let known = KNOWN.lock().get(&id).cloned();
        if let Some(known) = known.and_then(|known| known.downcast::<Traced>().ok()) {
            return known;
        }
        // Not under the lock: it calls the user's own code.
        let traced = Arc::new(Traced::trace::<S>());
        KNOWN.lock().insert(id, traced.clone());
        traced
    }

    fn trace<S: WalState>() -> Traced {
        let (log, of_log) = Shape::both_ways::<S::Log>(S::index);
        let (state, of_state) = Shape::both_ways::<S>(|_| 0);
        let variants = log.variants();
        let signature = |(place, mutation): (usize, &crate::state::Mutation)| {
            let shapes = variants.get(place).filter(|shapes| shapes.len() == mutation.params.len());
            let param = |(at, (name, written)): (usize, &(&str, &str))| {
                let shape = shapes.map_or_else(|| OPAQUE.to_string(), |shapes| shapes[at].clone());
                (name.to_string(), Form { written: written.to_string(), shape })
            };
            let params = mutation.params.iter().enumerate().map(param).collect();
            Signature { name: mutation.name.to_string(), params }
        };
        let schema = Schema {
            state: S::NAME.to_string(),
            version: S::VERSION,
            form: Form { written: S::SHAPE.to_string(), shape: state.text() },
            fingerprint: S::FINGERPRINT,
            mutations: S::MUTATIONS.iter().enumerate().map(signature).collect(),
        };
        let mut flaws = of_state.of_state(S::NAME);
        flaws.extend(of_log.of_log(S::MUTATIONS));
        Traced { schema: Arc::new(schema), refused: joined(flaws) }
    }
}

/// What the log holds above a checkpoint: under which schemas, and how many records of each mutation.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<(Schema, Vec<u64>)>);

impl Held {
    /// Adds the records of a segment.
    pub(crate) fn add(&mut self, schema: &Schema, uses: &[u64]) {
        match self.0.iter_mut().find(|(known, _)| known == schema) {
            Some((_, known)) => known.iter_mut().zip(uses).for_each(|(known, uses)| *known += uses),
            None => self.0.push((schema.clone(), uses.to_vec())),
        }
    }

    /// How many records other code made than that of `now`.
    pub(crate) fn of_other_code(&self, now: &Schema) -> u64 {
        let other = self.0.iter().filter(|(schema, _)| schema.fingerprint != now.fingerprint);
        other.flat_map(|(_, uses)| uses).sum()
    }

    /// Whether `now` can replay all of it; every reason if it can't.
    pub(crate) fn check(&self, now: &Schema, path: &Path) -> Result<()> {
        let refuse = |reason| Err(Error::Schema { path: path.to_path_buf(), reason });
        if let Some((other, _)) = self.0.iter().find(|(schema, _)| schema.state != now.state) {
            return refuse(other_state(&other.state, &now.state));
        }
        let used = self.0.iter().filter(|(_, uses)| uses.iter().any(|uses| *uses > 0));
        if let Some(found) = used.map(|(schema, _)| schema.version).find(|version| *version > now.version) {
            return refuse(newer_version("log", found, now));
        }
        let mut counts: BTreeMap<&Signature, u64> = BTreeMap::new();
        for (schema, uses) in &self.0 {
            for (old, uses) in schema.mutations.iter().zip(uses).filter(|(_, uses)| **uses > 0) {
                *counts.entry(old).or_default() += uses;
            }
        }
        let reasons: Vec<_> = counts.iter().filter_map(|(old, uses)| not_replayable(old, *uses, now)).collect();
        if reasons.is_empty() { Ok(()) } else { refuse(reasons.join("; and ")) }
    }
}

/// Why `now` can't replay records of `old`, of which there are `uses`, if it can't.
fn not_replayable(old: &Signature, uses: u64, now: &Schema) -> Option<String> {
    let name = &old.name;
    let records = if uses == 1 { "1 record".to_string() } else { format!("{uses} records") };
    match now.mutations.iter().find(|new| new.name == *name) {
        Some(new) if new.same_types(old) => None,
        Some(new) => {
            let names = old.way_back(new);
            let (old, new) = old.beside(new);
            let reason = format!(
                "the log holds {records} of `{old}`, and this program has `{new}`; keep the old form too, marked \
                 `#[mutation(name = \"{name}\", replay_only)]`, and give the new one another name"
            );
            Some(reason + &names)
        }
        None => Some(format!(
            "the log holds {records} of the mutation `{name}`, which this program doesn't have; if the method was \
             renamed, mark it `#[mutation(name = \"{name}\")]`, if it was removed, keep it marked \
             `#[mutation(name = \"{name}\", replay_only)]`"
        )),
    }
}

/// Why the `place` doesn't open, whose state is of the later version `found`.
pub(crate) fn newer_version(place: &str, found: u32, now: &Schema) -> String {
    let (name, known) = (&now.state, now.version);
    format!(
        "the {place} holds version {found} of `{name}`, and this program has version {known}; open it with the newer program"
    )
}

/// Why a folder of the state `found` doesn't open as `wanted`.
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

    /// A schema of mutations whose parameters have these shapes, and are written so.
    fn schema(mutations: &[(&str, &[(&str, &str)])]) -> Schema {
        let form = |text: &str| Form { written: text.to_string(), shape: text.to_string() };
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

    fn check(old: &Schema, new: &Schema, uses: &[u64]) -> Result<(), String> {
        let mut held = Held::default();
        held.add(old, uses);
        held.check(new, Path::new("cache")).map_err(|error| error.to_string())
    }

    #[test]
    fn mutations_may_move_and_parameters_may_be_renamed() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[]), ("touch", &[]), ("insert", &[("k", "String")])]);
        assert_eq!(check(&old, &new, &[4, 1]), Ok(()));
        assert_eq!(old.places_in(&new), [Some(2), Some(0)]);
    }

    #[test]
    fn what_no_record_uses_may_go() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[])]);
        assert_eq!(check(&old, &new, &[0, 9]), Ok(()));
        assert_eq!(old.places_in(&new), [None, Some(0)]);
        let error = check(&old, &new, &[3, 0]).unwrap_err();
        assert!(error.contains("3 records") && error.contains("`insert`") && error.contains("replay_only"), "{error}");
    }

    #[test]
    fn records_of_several_segments_are_counted_together() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let later = schema(&[("touch", &[]), ("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[]);
        let mut held = Held::default();
        for (schema, uses) in [(&old, &[3, 0][..]), (&old, &[2, 1]), (&later, &[0, 4, 0])] {
            held.add(schema, uses);
        }
        let error = held.check(&new, Path::new("cache")).unwrap_err().to_string();
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
    fn what_cant_be_traced_is_compared_as_it_is_written() {
        let form = |written: &str, shape: &str| Form { written: written.to_string(), shape: shape.to_string() };
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
        assert_eq!(old.places_in(&new), [None]);
    }

    #[test]
    fn another_state_is_refused_by_name() {
        let old = schema(&[]);
        let new = Schema { state: "Ledger".into(), ..schema(&[]) };
        let error = check(&old, &new, &[]).unwrap_err();
        assert!(error.contains("Cache") && error.contains("Ledger"), "{error}");
    }

    #[test]
    fn a_schema_comes_back() {
        let old = schema(&[("insert", &[("key", "String")])]);
        let mut body = old.encode().unwrap();
        let len = body.len() as u32;
        body.extend_from_slice(&[0; 5]);
        assert_eq!(Schema::decode(len, &body).unwrap(), old);
        assert_eq!(Schema::decode(len + 6, &body), None);
    }
}
