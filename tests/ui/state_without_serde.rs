//! Asked as the derive asks: it stands beside serde's own words there, which change with each version of serde.

pub struct Cache {
    pub entries: Vec<String>,
}

const _: () = <Cache as walr::__private::Stored>::IS_STORED;

fn main() {}
