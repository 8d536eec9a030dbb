//! Asked as the derive asks: it stands beside serde's own words there, which change with each version of serde.

pub struct Entry(pub u64);

const _: () = <Vec<Entry> as walr::__private::Kept>::IS_KEPT;

fn main() {}
