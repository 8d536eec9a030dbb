//! The check that the derive makes, without the derive: the messages of serde's derives change with its versions.

pub struct Entry(pub u64);

const _: () = <Vec<Entry> as walr::__private::StoredField>::IS_STORED;

fn main() {}
