use walr::WalState;

#[derive(WalState)]
pub union Bits {
    float: f32,
    bits: u32,
}

fn main() {}
