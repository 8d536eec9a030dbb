pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutation]
impl Cache {
    pub fn push(&mut self, entry: u64) {
        self.entries.push(entry);
    }
}

fn main() {}
