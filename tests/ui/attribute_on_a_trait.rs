#[walr::mutations]
pub trait Cache {
    #[mutation]
    fn push(&mut self, entry: String);

    #[query]
    fn count(&self) -> usize;
}

fn main() {}
