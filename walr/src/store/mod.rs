//! The handle of an open store: opening, calls, and verification.

pub(crate) mod durable;
pub(crate) mod open;
pub(crate) mod shared;
mod verify;
mod view;

pub use self::durable::Durable;
pub use self::verify::Verified;
pub use self::view::Store;
