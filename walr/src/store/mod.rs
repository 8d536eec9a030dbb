//! What a user holds: the handle of an open store, how it is opened, and what can be asked of it.

pub(crate) mod durable;
pub(crate) mod open;
mod verify;

pub use self::durable::{Durable, Store};
pub use self::verify::Verified;
