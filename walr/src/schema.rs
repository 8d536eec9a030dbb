//! What the log's records mean: the state's and the mutations' names and shapes, as the program that wrote them knew them.

use serde::{Deserialize, Serialize};

use crate::codec;
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
    /// The state's shape.
    pub(crate) shape: String,
    /// The fingerprint of the code of the mutations.
    pub(crate) fingerprint: u64,
    /// The mutations; a record begins with its mutation's place here.
    pub(crate) mutations: Vec<Signature>,
}

/// A mutation's name on disk and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) name: String,
    /// Name and owned type of each parameter.
    pub(crate) params: Vec<(String, String)>,
}

impl Signature {
    fn same_types(&self, other: &Signature) -> bool {
        self.params.iter().map(|(_, shape)| shape).eq(other.params.iter().map(|(_, shape)| shape))
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let params: Vec<_> = self.params.iter().map(|(name, shape)| format!("{name}: {shape}")).collect();
        write!(f, "{}({})", self.name, params.join(", "))
    }
}

impl Schema {
    /// The schema of this program's `S`.
    pub(crate) fn of<S: WalState>() -> Schema {
        let signature = |mutation: &crate::state::Mutation| Signature {
            name: mutation.name.to_string(),
            params: mutation.params.iter().map(|(name, shape)| (name.to_string(), shape.to_string())).collect(),
        };
        Schema {
            state: S::NAME.to_string(),
            version: S::VERSION,
            shape: S::SHAPE.to_string(),
            fingerprint: S::FINGERPRINT,
            mutations: S::MUTATIONS.iter().map(signature).collect(),
        }
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

    /// Whether `now` can replay records of this schema, of which there are `uses` by mutation; the reason if it can't.
    pub(crate) fn check(&self, now: &Schema, uses: &[u64]) -> Result<(), String> {
        if self.state != now.state {
            return Err(other_state(&self.state, &now.state));
        }
        for (old, &uses) in self.mutations.iter().zip(uses).filter(|(_, uses)| **uses > 0) {
            let name = &old.name;
            match now.mutations.iter().find(|new| new.name == *name) {
                Some(new) if new.same_types(old) => {}
                Some(new) => {
                    return Err(format!(
                        "the log holds {uses} records of `{old}`, and this program has `{new}`; keep the old form too, \
                         marked `#[mutation(name = \"{name}\", replay_only)]`, and give the new one another name"
                    ));
                }
                None => {
                    return Err(format!(
                        "the log holds {uses} records of the mutation `{name}`, which this program doesn't have; if the \
                         method was renamed, mark it `#[mutation(name = \"{name}\")]`, if it was removed, keep it marked \
                         `#[mutation(replay_only)]`"
                    ));
                }
            }
        }
        Ok(())
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

    fn schema(mutations: &[(&str, &[(&str, &str)])]) -> Schema {
        let signature = |(name, params): &(&str, &[(&str, &str)])| Signature {
            name: name.to_string(),
            params: params.iter().map(|(name, shape)| (name.to_string(), shape.to_string())).collect(),
        };
        Schema {
            state: "Cache".into(),
            version: 1,
            shape: String::new(),
            fingerprint: 0,
            mutations: mutations.iter().map(signature).collect(),
        }
    }

    #[test]
    fn mutations_may_move_and_parameters_may_be_renamed() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[]), ("touch", &[]), ("insert", &[("k", "String")])]);
        assert_eq!(old.check(&new, &[4, 1]), Ok(()));
        assert_eq!(old.places_in(&new), [Some(2), Some(0)]);
    }

    #[test]
    fn what_no_record_uses_may_go() {
        let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
        let new = schema(&[("clear", &[])]);
        assert_eq!(old.check(&new, &[0, 9]), Ok(()));
        assert_eq!(old.places_in(&new), [None, Some(0)]);
        let error = old.check(&new, &[3, 0]).unwrap_err();
        assert!(error.contains("3 records") && error.contains("`insert`") && error.contains("replay_only"), "{error}");
    }

    #[test]
    fn a_changed_signature_shows_both() {
        let old = schema(&[("insert", &[("key", "String")])]);
        let new = schema(&[("insert", &[("key", "u64")])]);
        let error = old.check(&new, &[1]).unwrap_err();
        assert!(error.contains("insert(key: String)") && error.contains("insert(key: u64)"), "{error}");
        assert_eq!(old.places_in(&new), [None]);
    }

    #[test]
    fn another_state_is_refused_by_name() {
        let old = schema(&[]);
        let new = Schema { state: "Ledger".into(), ..schema(&[]) };
        let error = old.check(&new, &[]).unwrap_err();
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
