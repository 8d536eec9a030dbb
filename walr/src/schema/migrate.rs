//! An older state on its way to the present one: decoded as the type that it was, and handed on version by version.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::codec::Decoder;
use crate::error::{Error, Result};
use crate::panic;
use crate::schema::shape::{OPAQUE, Shape, difference, given_back, renamed};

/// A state as of an older version.
pub struct Old<T> {
    state: T,
    version: u32,
    path: PathBuf,
}

impl<T> Old<T> {
    /// The state, when it has come to the present version.
    pub fn state(self) -> T {
        self.state
    }
}

/// What `migrate_from` names: a type that a state was. Generated code asks for it there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from an old checkpoint",
    label = "is not `DeserializeOwned`",
    note = "derive `Deserialize` for it, as when it was the state"
)]
pub trait Former: Sized {
    /// Decodes a checkpoint of the `version` and the `shape` that are recorded with it.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] if this type has another shape, and [`Error::Codec`] if the bytes are none of its values.
    fn decode(version: u32, shape: &str, decoder: Decoder<'_>) -> Result<Old<Self>>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Former for T {
    fn decode(version: u32, shape: &str, decoder: Decoder<'_>) -> Result<Old<T>> {
        let path = decoder.path.to_path_buf();
        let known = Shape::of::<T>().text();
        let can_tell = !known.contains(OPAQUE) && !shape.contains(OPAQUE);
        if known != shape && can_tell {
            let names = given_back(&renamed(shape, &known).unwrap_or_default());
            let (found, known) = difference(shape, &known);
            let name = name_of::<T>();
            let reason = format!(
                "the checkpoint holds version {version} of the state as `{found}`, and `{name}`, from which it is to be \
                 migrated, is `{known}`; `{name}` must stay as that version was"
            );
            return Err(Error::Schema { path, reason: reason + &names });
        }
        Ok(Old { state: decoder.decode()?, version, path })
    }
}

/// A type that turns into the state's next version, `N`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be migrated to `{N}`",
    label = "nothing makes a `{N}` of it",
    note = "write `impl From<{Self}> for {N}`: it makes the new state of the old one"
)]
pub trait Precedes<N>: Sized {
    /// The state as of the next version.
    ///
    /// # Errors
    ///
    /// That of `old`, and [`Error::Migration`] if the conversion panics.
    fn next(old: Result<Old<Self>>) -> Result<Old<N>>;
}

#[diagnostic::do_not_recommend]
impl<T, N: From<T>> Precedes<N> for T {
    fn next(old: Result<Old<T>>) -> Result<Old<N>> {
        let Old { state, version, path } = old?;
        match panic::catch(|| N::from(state)) {
            Ok(state) => Ok(Old { state, version: version + 1, path }),
            Err(message) => {
                let migration = format!("`impl From<{}> for {}`", name_of::<T>(), name_of::<N>());
                Err(Error::Migration { path, from: version, to: version + 1, migration, message })
            }
        }
    }
}

/// The last segment of a type's path, for messages.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let path = &name[..name.find('<').unwrap_or(name.len())];
    &name[path.rfind(':').map_or(0, |at| at + 1)..]
}
