pub struct Cache {
    entries: Vec<u64>,
}

pub trait Count {
    fn count(&self) -> usize;
}

impl Count for Cache {
    #[walr::query]
    fn count(&self) -> usize {
        self.entries.len()
    }
}

fn main() {}
