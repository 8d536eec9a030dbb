//! An older state on its way to the present one: decoded as the type that it was, and handed on version by version.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::codec::Decoder;
use crate::error::{Error, Result};
use crate::panic;
use crate::shape::{OPAQUE, Shape, difference};

/// A state as of an older version.
pub struct Old<T> {
    state: T,
    version: u32,
    path: PathBuf,
}

impl<T> Old<T> {
    /// Decodes a checkpoint of the `version` and the `shape` that are recorded with it as a `T`.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] if `T` has another shape, and [`Error::Codec`] if the bytes are no `T`.
    pub fn decode(version: u32, shape: &str, decoder: Decoder<'_>) -> Result<Old<T>>
    where
        T: DeserializeOwned,
    {
        let path = decoder.path.to_path_buf();
        let known = Shape::of::<T>().text();
        let can_tell = !known.contains(OPAQUE) && !shape.contains(OPAQUE);
        if known != shape && can_tell {
            let (found, known) = difference(shape, &known);
            let name = name_of::<T>();
            let reason = format!(
                "the checkpoint holds version {version} of the state as `{found}`, and `{name}`, from which it is to be \
                 migrated, is `{known}`; `{name}` must stay as that version was"
            );
            return Err(Error::Schema { path, reason });
        }
        Ok(Old { state: decoder.decode()?, version, path })
    }

    /// The state as of the next version.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] if the conversion panics.
    pub fn next<N: From<T>>(self) -> Result<Old<N>> {
        let Old { state, version, path } = self;
        match panic::catch(|| N::from(state)) {
            Ok(state) => Ok(Old { state, version: version + 1, path }),
            Err(message) => {
                let migration = format!("`impl From<{}> for {}`", name_of::<T>(), name_of::<N>());
                Err(Error::Migration { path, from: version, to: version + 1, migration, message })
            }
        }
    }

    /// The state, when it has come to the present version.
    pub fn state(self) -> T {
        self.state
    }
}

/// The last segment of a type's path, for messages.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let path = &name[..name.find('<').unwrap_or(name.len())];
    &name[path.rfind(':').map_or(0, |at| at + 1)..]
}
