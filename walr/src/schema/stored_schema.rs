//! The schema that describes the records of a log: the names and shapes of the state and its mutations, in the program that wrote
//! them.
//!
//! Its encoding is its own version (1), the state's name and version, the state's form, and the list of mutations:
//! name, list of parameters (name and form), form of the result, fingerprint of the code (u64). A form is the type as it is written, and
//! its shape (`shape/encoding.rs`). Texts, numbers and lists are those of `bytes.rs`.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::schema::bytes::{SchemaReader, put_list, put_number, put_text};
use crate::schema::shape::{Shape, rename_hint};
use crate::schema::state::{Mutation, WalState};
use crate::schema::trace::{TypeTrace, joined};
use crate::schema::type_form::TypeForm;

/// The version of the encoding.
const ENCODING: u8 = 1;
/// The longest encoding. Readers accept no longer one.
const LONGEST: usize = 1 << 24;

/// The body of a schema frame. It describes the records after it in its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The state's name on disk.
    pub(crate) state: String,
    /// The state's version.
    pub(crate) version: u32,
    pub(crate) form: TypeForm,
    /// The mutations. A record begins with the index of its mutation.
    pub(crate) mutations: Vec<Signature>,
}

/// A mutation's name on disk, its parameters and its result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signature {
    pub(crate) name: String,
    /// The name and the form of each parameter.
    pub(crate) params: Vec<(String, TypeForm)>,
    /// The form of what it returns. Records are read without it.
    pub(crate) result: TypeForm,
    /// The fingerprint of the code.
    pub(crate) fingerprint: u64,
}

impl Signature {
    /// Returns whether a record of this mutation can be read as one of the mutation `now`.
    pub(super) fn reads_as(&self, now: &Signature) -> bool {
        let reads = |(old, now): (&(String, TypeForm), &(String, TypeForm))| old.1.reads_as(&now.1);
        self.params.len() == now.params.len() && self.params.iter().zip(&now.params).all(reads)
    }

    /// Returns whether the other mutation has the same name and the same code.
    pub(crate) fn is_same_code(&self, other: &Signature) -> bool {
        self.name == other.name && self.fingerprint == other.fingerprint
    }

    /// Returns both signatures for a message.
    pub(super) fn beside(&self, other: &Signature) -> (String, String) {
        let is_alike = |one: &TypeForm, other: &TypeForm| one.reads_as(other) && other.reads_as(one);
        let shown = |one: &Signature, other: &Signature| {
            let param = |(index, (name, form)): (usize, &(String, TypeForm))| match other.params.get(index) {
                Some((_, other)) if !is_alike(form, other) => format!("{name}: {}", form.beside(other).0),
                _ => format!("{name}: {}", form.written),
            };
            let params: Vec<_> = one.params.iter().enumerate().map(param).collect();
            format!("{}({})", one.name, params.join(", "))
        };
        (shown(self, other), shown(other, self))
    }

    /// Returns the end of a message: how `now` can keep the names of these parameters, if the two differ only by names.
    pub(super) fn rename_hint(&self, now: &Signature) -> String {
        if self.params.len() != now.params.len() {
            return String::new();
        }
        let params = self.params.iter().zip(&now.params);
        let all: Option<Vec<_>> = params.map(|((_, old), (_, new))| old.shape.renames(&new.shape)).collect();
        let mut all = all.unwrap_or_default().concat();
        all.sort_unstable();
        all.dedup();
        rename_hint(&all)
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_text(&self.name, out);
        put_list(&self.params, out, |(name, form), out| {
            put_text(name, out);
            form.put(out);
        });
        self.result.put(out);
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
    }

    fn take(from: &mut SchemaReader<'_>) -> Option<Signature> {
        let name = from.text()?;
        let params = from.list(|from| Some((from.text()?, TypeForm::take(from)?)))?;
        Some(Signature { name, params, result: TypeForm::take(from)?, fingerprint: from.u64()? })
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
        let mut bytes = vec![ENCODING];
        put_text(&self.state, &mut bytes);
        put_number(self.version as usize, &mut bytes);
        self.form.put(&mut bytes);
        put_list(&self.mutations, &mut bytes, Signature::put);
        match bytes.len() <= LONGEST {
            true => Ok(bytes),
            false => {
                Err(format!("the schema takes {} bytes, more than {LONGEST}; use fewer or smaller types", bytes.len()))
            }
        }
    }

    /// Decodes the body of a schema frame: `count` bytes, and padding.
    pub(crate) fn decode(count: u32, body: &[u8]) -> Option<Schema> {
        let mut from = SchemaReader { rest: body.get(..count as usize)? };
        if from.byte()? != ENCODING {
            return None;
        }
        let schema = Schema {
            state: from.text()?,
            version: from.u32()?,
            form: TypeForm::take(&mut from)?,
            mutations: from.list(Signature::take)?,
        };
        from.rest.is_empty().then_some(schema)
    }

    /// Returns whether `now` has all mutations with the same code.
    pub(crate) fn has_code_of(&self, now: &Schema) -> bool {
        let is_same = |old: &Signature| now.mutations.iter().any(|new| new.is_same_code(old));
        self.mutations.iter().all(is_same)
    }

    /// Returns for each mutation its index in `now`, by name and types.
    pub(crate) fn indexes_in(&self, now: &Schema) -> Vec<Option<u32>> {
        let index = |old: &Signature| {
            let same = |new: &Signature| new.name == old.name && old.reads_as(new);
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
        let (log, log_flaws) = TypeTrace::checked::<S::Log>(S::index);
        let (state, state_flaws) = TypeTrace::checked::<S>(|_| 0);
        let variants = log.variants();
        let signature = |(index, mutation): (usize, &Mutation)| {
            let shapes = variants.get(index).filter(|shapes| shapes.len() == mutation.params.len());
            let param = |(index, (name, written)): (usize, &(&str, &str))| {
                let shape = shapes.map_or_else(Shape::opaque, |shapes| shapes[index].clone());
                (name.to_string(), TypeForm { written: written.to_string(), shape })
            };
            let params = mutation.params.iter().enumerate().map(param).collect();
            let trace = S::RESULTS.get(index).copied().flatten();
            let shape = trace.map_or_else(Shape::opaque, |trace| trace());
            let result = TypeForm { written: mutation.result.to_string(), shape };
            Signature { name: mutation.name.to_string(), params, result, fingerprint: mutation.fingerprint }
        };
        let schema = Schema {
            state: S::NAME.to_string(),
            version: S::VERSION,
            form: TypeForm { written: S::SHAPE.to_string(), shape: state.shape(true) },
            mutations: S::MUTATIONS.iter().enumerate().map(signature).collect(),
        };
        let mut flaws = state_flaws.of_state(S::NAME);
        flaws.extend(log_flaws.of_log(S::MUTATIONS));
        Traced { schema: Arc::new(schema), refused: joined(flaws) }
    }
}
