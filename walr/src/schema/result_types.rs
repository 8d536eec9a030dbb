//! The shapes of mutations' results. A result need not be `Deserialize`: the compiler selects by the type whether it is traced.

use std::marker::PhantomData;

use serde::Deserialize;

use crate::schema::shape::Shape;
use crate::schema::trace::TypeTrace;

/// The type of a result: `ResultType::<T>::TRACE` is the inherent constant if `T` can be read, and else that of [`UnreadResult`].
#[derive(Debug)]
pub struct ResultType<T: ?Sized>(PhantomData<T>);

// Not `DeserializeOwned`: the compiler selects without a look at lifetimes, and would then refuse a `&'static str`.
impl<T: Deserialize<'static>> ResultType<T> {
    /// The function that finds the type's shape.
    pub const TRACE: Option<fn() -> Shape> = Some(|| TypeTrace::of::<T>().shape(false));
}

/// The constant of a [`ResultType`] that can't be read. Generated code imports it.
pub trait UnreadResult {
    /// No function: the shape is opaque.
    const TRACE: Option<fn() -> Shape> = None;
}

impl<T: ?Sized> UnreadResult for ResultType<T> {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn text(trace: Option<fn() -> Shape>) -> Option<String> {
        trace.map(|trace| trace().text())
    }

    #[test]
    fn types_that_can_be_read_are_traced() {
        type Answer = Result<Option<u8>, String>;
        assert_eq!(text(ResultType::<Answer>::TRACE).as_deref(), Some("enum Result { Ok(option<u8>), Err(string) }"));
        assert_eq!(text(ResultType::<()>::TRACE).as_deref(), Some("()"));
        assert_eq!(text(ResultType::<&'static str>::TRACE).as_deref(), Some("opaque(string)"));
    }

    #[test]
    fn other_types_are_not() {
        struct Unread;
        assert!(ResultType::<Unread>::TRACE.is_none());
        assert!(ResultType::<Vec<Unread>>::TRACE.is_none());
        assert!(ResultType::<Result<u8, io::Error>>::TRACE.is_none());
    }
}
