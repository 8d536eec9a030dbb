#!/usr/bin/env bash
# Prints what derived states cost a user's crate: processor time of a release build after its dependencies, and the size of the
# binary (stripped), for 1, 2 and 6 states. Takes the path of another checkout to compare with: bash benches/build.sh [CHECKOUT]
set -euo pipefail
cd "$(dirname "$0")/.."
walr=$(cd "${1:-.}" && pwd)/walr
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

state() {
    cat <<RUST
mod state$1 {
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Item$1 { pub name: String, pub tags: Vec<String>, pub size: Option<u64> }

    #[derive(Default, Serialize, Deserialize, walr::WalState)]
    pub struct State$1 { items: BTreeMap<u64, Item$1>, count: u64 }

    #[walr::mutations]
    impl State$1 {
        #[mutation]
        pub fn insert(&mut self, id: u64, item: Item$1) -> Option<String> {
            self.count += 1;
            self.items.insert(id, item).map(|item| item.name)
        }
        #[mutation]
        pub fn remove(&mut self, id: u64) -> bool { self.items.remove(&id).is_some() }
        #[mutation]
        pub fn rename(&mut self, id: u64, name: &str) -> Result<(), String> {
            let item = self.items.get_mut(&id).ok_or("no such item")?;
            item.name = name.to_string();
            Ok(())
        }
        #[query]
        pub fn count(&self) -> u64 { self.count }
    }

    pub async fn run() -> walr::Result<()> {
        let state = walr::Durable::<State$1>::open("state$1").await?;
        state.insert(1, Item$1 { name: "a".into(), tags: vec![], size: None }).await?;
        state.rename(1, "b").await?.ok();
        state.remove(state.count()).await?;
        state.checkpoint().await?;
        state.close().await
    }
}
RUST
}

printf '| states | processor seconds | binary, kB |\n|---|---|---|\n'
for count in 0 1 2 6; do
    crate=$scratch/states
    mkdir -p "$crate/src"
    cp "$walr/../Cargo.lock" "$crate"
    printf '%s\n' '[package]' 'name = "states"' 'version = "0.0.0"' 'edition = "2024"' '' '[dependencies]' \
        "walr = { path = '$walr' }" 'serde = { version = "1", features = ["derive"] }' \
        'tokio = { version = "1", features = ["rt"] }' '' '[profile.release]' 'strip = true' '' '[workspace]' >"$crate/Cargo.toml"
    {
        for ((i = 1; i <= count; i++)); do state $i; done
        printf 'fn main() {\n    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");\n'
        for ((i = 1; i <= count; i++)); do printf '    runtime.block_on(state%d::run()).expect("a store");\n' $i; done
        printf '    drop(runtime);\n}\n'
    } >"$crate/src/main.rs"
    export CARGO_TARGET_DIR=$scratch/target CARGO_INCREMENTAL=0
    # The first build is of the dependencies.
    cargo build --release --quiet --manifest-path "$crate/Cargo.toml"
    touch "$crate/src/main.rs"
    seconds=$({ TIMEFORMAT='%U %S'; time cargo build --release --quiet --manifest-path "$crate/Cargo.toml"; } 2>&1 | awk '{ printf "%.1f", $1 + $2 }')
    [ "$count" = 0 ] || printf '| %d | %s | %d |\n' "$count" "$seconds" $(($(stat -c %s "$scratch/target/release/states") / 1000))
done
