//! Compile-time tests of the macros: mistakes that they refuse, one in each file, and forms that they accept.
//!
//! The expected messages are those of the pinned toolchain without `rust-src`. `TRYBUILD=overwrite` writes them again.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn forms_compile() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
