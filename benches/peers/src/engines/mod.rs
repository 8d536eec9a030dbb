//! The engines. A further one needs a module with its `impl Engine`, a line in `with_engine!`, and its name in [`ALL`].

pub mod fjall;
pub mod okaywal;
pub mod raft_engine;
pub mod raw;
pub mod redb;
pub mod sled;
pub mod sqlite;
pub mod walr;

/// The names of all engines but `raw`.
pub const ALL: [&str; 8] = ["walr", "walr-os", "okaywal", "raft-engine", "fjall", "redb", "sled", "sqlite"];

/// Calls a generic function for the engine of a name.
#[macro_export]
macro_rules! with_engine {
    ($name:expr, $function:ident($($argument:expr),*)) => {
        match $name {
            "raw" => $function::<$crate::engines::raw::Raw>($($argument),*),
            "walr" => $function::<$crate::engines::walr::Walr<false>>($($argument),*),
            "walr-os" => $function::<$crate::engines::walr::Walr<true>>($($argument),*),
            "okaywal" => $function::<$crate::engines::okaywal::Okaywal>($($argument),*),
            "raft-engine" => $function::<$crate::engines::raft_engine::RaftEngine>($($argument),*),
            "fjall" => $function::<$crate::engines::fjall::Fjall>($($argument),*),
            "redb" => $function::<$crate::engines::redb::Redb>($($argument),*),
            "sled" => $function::<$crate::engines::sled::Sled>($($argument),*),
            "sqlite" => $function::<$crate::engines::sqlite::Sqlite>($($argument),*),
            name => Err(::anyhow::anyhow!("{name} is no engine")),
        }
    };
}
