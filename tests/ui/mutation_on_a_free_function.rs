#[walr::mutation]
pub fn push(entries: &mut Vec<u64>, entry: u64) {
    entries.push(entry);
}

fn main() {}
