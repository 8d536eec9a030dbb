//! The traits that the macros implement for a state, and those that generated code checks.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::MappedRwLockReadGuard;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::CheckpointDecoder;
use crate::error::Result;
use crate::panic::Quiet;
use crate::schema::reentry::Entered;
use crate::schema::shape::Shape;
use crate::schema::waiting::Waiting;

/// The mutations of a state: its log, how a logged value is applied, and the methods that the handle offers.
///
/// Implemented by [`#[walr::mutations]`](macro@crate::mutations); not meant to be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no recorded mutations",
    label = "no `#[walr::mutations]` block for this type",
    note = "put `#[walr::mutations]` on its impl block, and `#[mutation]` on the `&mut self` methods to record"
)]
pub trait Recorded: Sized {
    /// One variant per mutation, its arguments as fields.
    type Log;
    /// One variant per mutation, holding what it returned.
    type Outcome;
    /// The type that [`Durable`](crate::Durable) dereferences to, with one method per mutation and query.
    type Mutations: Mutations<Self>;
    /// The mutations, in the order of the log's variants.
    const MUTATIONS: &'static [Mutation];
    /// The traces of the results' types, in the order of [`MUTATIONS`](Recorded::MUTATIONS). A type without a trace is opaque.
    #[doc(hidden)]
    const RESULTS: &'static [Option<fn() -> Shape>] = &[];

    /// Applies `log`: calls the method that it records.
    fn apply(&mut self, log: Self::Log) -> Self::Outcome;

    /// Returns the index in [`MUTATIONS`](Recorded::MUTATIONS) of the mutation that `log` records.
    fn index(log: &Self::Log) -> usize;

    /// Returns the digest of a mutation's result, or `None` if the result doesn't count (`schema/results.rs`). The result's
    /// `Serialize` may panic.
    fn digest(_outcome: &Self::Outcome) -> Option<u64> {
        None
    }
}

/// A state that walr can store. Derive it with [`#[derive(WalState)]`](macro@crate::WalState).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a walr state",
    label = "this type doesn't derive `WalState`",
    note = "add `#[derive(Serialize, Deserialize, WalState)]` to `{Self}`, and `#[walr::mutations]` to its impl block"
)]
pub trait WalState:
    Recorded<
        Log: Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
        Outcome: Send + 'static,
        Mutations: Send + Sync,
    > + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The type's name on disk: its own, or that of `#[wal(name = "…")]`.
    const NAME: &'static str;
    /// The version of the type's shape: 1, or that of `#[wal(version = …)]`.
    const VERSION: u32;
    /// The type as it is written: its fields or variants with their types.
    const SHAPE: &'static str;

    /// Decodes a checkpoint of the older `version`, whose traced shape was `shape`. Returns `None` if there is no migration from
    /// that version.
    fn migrate(_version: u32, _shape: &Shape, _decoder: CheckpointDecoder<'_>) -> Option<Result<Self>> {
        None
    }

    /// Rebuilds the fields that checkpoints leave out, after a checkpoint is decoded.
    fn after_load(&mut self) {}
}

/// A type that a checkpoint can hold. The derive checks it at the state's name, so that rustc reports it in words of walr's, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be stored in a checkpoint",
    label = "is not `Serialize + DeserializeOwned`",
    note = "derive all three: `#[derive(Serialize, Deserialize, WalState)]`"
)]
pub trait StoredState {
    /// A constant for generated code to name.
    const IS_STORED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> StoredState for T {}

/// A type that a state's field can have. The derive checks it at the field's type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept in a state",
    label = "is not `Serialize + DeserializeOwned + Send + Sync`",
    note = "derive `Serialize` and `Deserialize` for what it holds, or leave the field out of checkpoints: `#[serde(skip)]`",
    note = "write `Arc` for `Rc`, and a plain field for `Cell` and `RefCell`: mutations have `&mut self`"
)]
pub trait StoredField {
    /// A constant for generated code to name.
    const IS_STORED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync> StoredField for T {}

/// The type of a field that serde skips, or that a function of the user's reads or writes. The derive checks it at the field's type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be shared between threads, as a state is",
    label = "is not `Send + Sync`",
    note = "write `Arc` for `Rc`, and a plain field for `Cell` and `RefCell`: mutations have `&mut self`"
)]
pub trait SharedField {
    /// A constant for generated code to name.
    const IS_SHARED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync> SharedField for T {}

/// A state with a default, for a new store.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `Default` for a new store to begin with",
    label = "is not `Default`",
    note = "derive `Default` for it, or say what to begin with: `Durable::<{Self}>::options().open_with(path, || ..)`"
)]
pub trait FirstState: Sized {
    /// Returns the first state.
    fn first_state() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> FirstState for T {
    fn first_state() -> T {
        T::default()
    }
}

/// A type that a mutation's parameter can have, in its owned form. Generated code checks it at the parameter's type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be recorded as a mutation's argument",
    label = "is not `Serialize + DeserializeOwned + Clone + Debug + Send`",
    note = "derive `Serialize`, `Deserialize`, `Clone` and `Debug` for it, or take the parts that can be recorded",
    note = "an argument goes to the store's thread: take what an `Rc`, a pointer or a lock's guard holds"
)]
pub trait Argument: Sized {
    /// A constant for generated code to name.
    const IS_RECORDED: () = ();
    /// Clones a borrowed argument. Without this method, rustc would print another message for a type that isn't `Clone`.
    fn copy(&self) -> Self;
    /// Clones the items of a borrowed slice.
    fn copy_all(all: &[Self]) -> Vec<Self>;
}

// Not recommended, so that rustc prints the message of `Argument`, and not that of the first missing trait.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Debug + Send + 'static> Argument for T {
    fn copy(&self) -> T {
        self.clone()
    }

    fn copy_all(all: &[T]) -> Vec<T> {
        all.to_vec()
    }
}

/// A type that a mutation's result can have. Generated code checks it at the result's type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a mutation's result",
    label = "is not `Send`",
    note = "a result comes from the store's thread: return `Arc` for `Rc`, `dyn Error + Send + Sync` for `dyn Error`, or the \
            parts that are `Send`"
)]
pub trait Returned {
    /// A constant for generated code to name.
    const IS_RETURNED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Returned for T {}

/// The same type, if a check compiles.
///
/// Generated code names a state's log as `<CacheLog as Checked<{ check }>>::Itself`. If the check fails, rustc reports it at the
/// user's own type, and then knows no type for the log. So it reports no traits that the log lacks, and no calls of the handle.
pub trait Checked<const IS_SOUND: bool> {
    /// The type itself.
    type Itself;
}

impl<T> Checked<true> for T {
    type Itself = T;
}

/// The generated struct with the handle's methods.
pub trait Mutations<S: Recorded>: Sized {
    /// Makes the struct of a handle.
    fn new(handle: Handle<S>) -> Self;
}

/// A mutation in the log's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The name on disk: the method's, or that of `#[mutation(name = "…")]`.
    pub name: &'static str,
    /// The name and the owned type of each parameter, in order.
    pub params: &'static [(&'static str, &'static str)],
    /// The type of the result, as it is written; empty with `allow_nondeterminism`, because such a result doesn't count.
    pub result: &'static str,
    /// True if the types of all arguments are known to read back as they were encoded.
    pub reads_back: bool,
    /// A fingerprint of the code: it differs when the parameters, the result or the body differ.
    pub fingerprint: u64,
}

/// The store behind a handle.
pub(crate) trait Backend<S>: Send + Sync {
    /// Begins a call of the mutation that `log` records. The call is ordered when this returns, unless it waits for capacity.
    fn begin(&self, log: S::Log) -> Begun<'_, S>
    where
        S: Recorded;

    /// Locks the state for reads.
    fn read(&self) -> Reading<'_, S>;
}

/// An open store, as generated code holds it: cheap to clone.
pub struct Handle<S> {
    store: Arc<dyn Backend<S>>,
}

impl<S> Handle<S> {
    pub(crate) fn new(store: Arc<dyn Backend<S>>) -> Self {
        Handle { store }
    }

    /// Records one log value, waits until it is durable and applied, and returns its outcome.
    pub(crate) async fn mutate(&self, log: S::Log) -> Result<S::Outcome>
    where
        S: Recorded,
    {
        self.store.begin(log).outcome().await
    }

    /// Locks the state for reads.
    pub(crate) fn read(&self) -> Reading<'_, S> {
        self.store.read()
    }
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Handle { store: self.store.clone() }
    }
}

impl<S> Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The state under the read lock.
pub(crate) struct Reading<'a, S> {
    pub(crate) _entered: Entered,
    pub(crate) state: MappedRwLockReadGuard<'a, S>,
}

impl<S> Deref for Reading<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

/// A call that has begun.
pub(crate) enum Begun<'a, S: Recorded> {
    /// The call has its answer.
    Answered(Result<S::Outcome>),
    /// The call is in the queue.
    Queued(Waiting<Quiet<S::Outcome>>),
    /// The call waits for capacity of the queue. Only this way allocates.
    Delayed(Pin<Box<dyn Future<Output = Result<S::Outcome>> + Send + 'a>>),
}

impl<S: Recorded> Begun<'_, S> {
    /// Waits for the call's outcome.
    pub(crate) async fn outcome(self) -> Result<S::Outcome> {
        match self {
            Begun::Answered(result) => result,
            Begun::Queued(waiting) => waiting.answer().await.map(Quiet::into_inner),
            Begun::Delayed(call) => call.await,
        }
    }
}
