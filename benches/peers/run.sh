#!/usr/bin/env bash
# Compares walr with other crates: bash benches/peers/run.sh [WORKLOAD ...] [OPTIONS]; --help lists the options.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# Not into this folder: `tests/tidy.rs` reads every source below `benches`.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/peers
cargo build --release --quiet --manifest-path "$root/benches/peers/Cargo.toml"
exec "$CARGO_TARGET_DIR/release/peers" "$@"
