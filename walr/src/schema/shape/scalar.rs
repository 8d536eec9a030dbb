//! The values without parts, in serde's data model.

/// The kind of a value without parts. The number is that of the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scalar {
    Unit,
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
    Char,
    Text,
    Bytes,
}

impl Scalar {
    /// All kinds, in the order of their numbers, with the names that messages use.
    const ALL: [(Scalar, &str); 17] = [
        (Scalar::Unit, "()"),
        (Scalar::Bool, "bool"),
        (Scalar::U8, "u8"),
        (Scalar::U16, "u16"),
        (Scalar::U32, "u32"),
        (Scalar::U64, "u64"),
        (Scalar::U128, "u128"),
        (Scalar::I8, "i8"),
        (Scalar::I16, "i16"),
        (Scalar::I32, "i32"),
        (Scalar::I64, "i64"),
        (Scalar::I128, "i128"),
        (Scalar::F32, "f32"),
        (Scalar::F64, "f64"),
        (Scalar::Char, "char"),
        (Scalar::Text, "string"),
        (Scalar::Bytes, "bytes"),
    ];

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of_number(number: u8) -> Option<Scalar> {
        Scalar::ALL.get(usize::from(number)).map(|(scalar, _)| *scalar)
    }

    pub(super) fn name(self) -> &'static str {
        Scalar::ALL[usize::from(self.number())].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_their_numbers() {
        for (number, (scalar, _)) in Scalar::ALL.iter().enumerate() {
            assert_eq!(usize::from(scalar.number()), number);
        }
    }
}
