//! What the macros refuse, one mistake a file, and forms that they must accept.
//!
//! The expected messages are of this toolchain without `rust-src`; `TRYBUILD=overwrite` writes them anew.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn forms_compile() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
