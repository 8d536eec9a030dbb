//! The migration of an older state: it is decoded as its old type, and converted version by version.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::codec::CheckpointDecoder;
use crate::error::{Error, Result};
use crate::panic;
use crate::schema::shape::{Shape, difference, rename_hint};
use crate::schema::trace::TypeTrace;

/// A state of an older version, on its way to the current one.
pub struct Migrating<T> {
    state: T,
    version: u32,
    path: PathBuf,
}

impl<T> Migrating<T> {
    /// Returns the state, after the last migration.
    pub fn state(self) -> T {
        self.state
    }
}

/// A type that `migrate_from` names: a state of an older version. Generated code checks it there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from an old checkpoint",
    label = "is not `DeserializeOwned`",
    note = "derive `Deserialize` for the old type too"
)]
pub trait FormerState: Sized {
    /// Decodes a checkpoint that was written with this `version` and this `shape`.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] if this type has another shape, and [`Error::Codec`] if the bytes are no value of it.
    fn decode(version: u32, shape: &Shape, decoder: CheckpointDecoder<'_>) -> Result<Migrating<Self>>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FormerState for T {
    fn decode(version: u32, shape: &Shape, decoder: CheckpointDecoder<'_>) -> Result<Migrating<T>> {
        let path = decoder.path.to_path_buf();
        let known = TypeTrace::of::<T>().shape(true);
        // `T` has no other source to compare, if a part of it can't be traced.
        if shape.is_complete() && known.is_complete() && !shape.reads_as(&known) {
            let hint = rename_hint(&shape.renames(&known).unwrap_or_default());
            let (found, known) = difference(&shape.text(), &known.text());
            let name = name_of::<T>();
            let reason = format!(
                "the checkpoint holds version {version} of the state, `{found}`, but `{name}`, the type of that version, is \
                 `{known}` now; restore `{name}` as it was in that version"
            );
            return Err(Error::Schema { path, reason: reason + &hint });
        }
        Ok(Migrating { state: decoder.decode()?, version, path })
    }
}

/// A type that turns into the state's next version, `N`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be migrated to `{N}`",
    label = "no conversion to `{N}`",
    note = "write `impl From<{Self}> for {N}`, which converts the old state"
)]
pub trait Precedes<N>: Sized {
    /// Converts the state to the next version.
    ///
    /// # Errors
    ///
    /// The error of `old`, or [`Error::Migration`] if the conversion panics.
    fn next(old: Result<Migrating<Self>>) -> Result<Migrating<N>>;
}

#[diagnostic::do_not_recommend]
impl<T, N: From<T>> Precedes<N> for T {
    fn next(old: Result<Migrating<T>>) -> Result<Migrating<N>> {
        let Migrating { state, version, path } = old?;
        match panic::catch(|| N::from(state)) {
            Ok(state) => Ok(Migrating { state, version: version + 1, path }),
            Err(message) => {
                let migration = format!("`impl From<{}> for {}`", name_of::<T>(), name_of::<N>());
                Err(Error::Migration { path, from: version, to: version + 1, migration, message })
            }
        }
    }
}

/// Returns the last segment of a type's path, for messages.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let path = &name[..name.find('<').unwrap_or(name.len())];
    &name[path.rfind(':').map_or(0, |at| at + 1)..]
}
