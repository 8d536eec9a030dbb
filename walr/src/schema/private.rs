//! The items that generated code uses. They are not a public interface, and change with the macros.

pub use crate::codec::CheckpointDecoder;
pub use crate::schema::migrate::{FormerState, Migrating, Precedes};
pub use crate::schema::result_types::{ResultType, UnreadResult};
pub use crate::schema::results::{DigestedResult, MutationResult};
pub use crate::schema::shape::Shape;
pub use crate::schema::state::{
    Argument, Checked, FirstState, Handle, Mutation, Mutations, Recorded, Returned, SharedField, StoredField,
    StoredState,
};
pub use crate::schema::unchecked_types::{Probe, Unlisted};
pub use serde;
pub use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::schema::state::WalState;

/// The functions that the generated methods of a handle call.
///
/// Generated code names the trait as `<Cache as HandleMethods>`, with the span of the state's name. If the type isn't a state, all
/// methods then give the same error, which rustc shows once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a walr state",
    label = "this type doesn't derive `WalState`",
    note = "add `#[derive(Serialize, Deserialize, WalState)]` to `{Self}`, and `#[walr::mutations]` to its impl block"
)]
pub trait HandleMethods: Recorded {
    /// Records one log value, waits until it is durable and applied, and returns its outcome.
    fn mutate(handle: &Handle<Self>, log: Self::Log) -> impl Future<Output = Result<Self::Outcome>> + Send;
    /// Calls `f` on the state under the read lock.
    fn query<R>(handle: &Handle<Self>, f: impl FnOnce(&Self) -> R) -> R;
}

#[diagnostic::do_not_recommend]
impl<S: WalState> HandleMethods for S {
    async fn mutate(handle: &Handle<S>, log: S::Log) -> Result<S::Outcome> {
        handle.mutate(log).await
    }

    fn query<R>(handle: &Handle<S>, f: impl FnOnce(&S) -> R) -> R {
        f(&handle.read())
    }
}

/// Returns the error of an outcome that belongs to another mutation. Only a hand-written `Recorded` can cause it.
pub fn mismatch() -> Error {
    Error::Thread { reason: "`Recorded::apply` returned the outcome of another mutation".to_string() }
}
