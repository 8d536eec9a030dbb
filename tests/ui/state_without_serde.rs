//! The check that the derive makes, without the derive: the messages of serde's derives change with its versions.

pub struct Cache {
    pub entries: Vec<String>,
}

const _: () = <Cache as walr::__private::StoredState>::IS_STORED;

fn main() {}
