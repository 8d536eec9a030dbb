//! The handle of an open store: opening, calls, and verification.

pub(crate) mod durable;
pub(crate) mod open;
pub(crate) mod shared;
mod verify;

pub use self::durable::{Durable, Store};
pub use self::verify::Verified;
