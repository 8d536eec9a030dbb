//! Stores for tests: a simulated disk that crashes.
//!
//! The feature `testing` adds this module. No default build contains it: enable the feature in `[dev-dependencies]`.

pub use crate::sim::{Broken, Fault, Kind, Medium, Observer, Sim};
