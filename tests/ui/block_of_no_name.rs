#[walr::mutations]
impl (u8, u8) {
    #[mutation]
    pub fn push(&mut self, entry: u8) {
        self.0 = entry;
    }
}

fn main() {}
