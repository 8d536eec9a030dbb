//! Changes of a mutation's body whose results the log doesn't know: the records are replayed with the new body, and counted.

use super::methods::{calls, is_kept, later, v1};
use crate::Expected::Works;
use crate::common::{Result, run};
use crate::{End, changes, options, reopen, upgrade};

later!(other_body {
    #[mutation]
    pub(crate) fn insert(&mut self, key: &str, value: u64) {
        *self.entries.entry(key.to_string()).or_default() = value;
    }

    #[mutation]
    fn remove(&mut self, key: String) {
        self.entries.remove(&key);
    }
});

changes! {
    changed_code_is_replayed, "the body of a method without a result changed", Works => async {
        Ok(upgrade::<v1::Cache, other_body::Cache>(End::Killed, calls()).await?.outcome(|state| is_kept!(state)))
    };
    changed_code_after_a_close_works, "the body of a method without a result changed, after a close", Works => async {
        Ok(upgrade::<v1::Cache, other_body::Cache>(End::Closed, calls()).await?.outcome(|state| is_kept!(state)))
    };
}

/// `remove` has the same code in both programs.
#[test]
fn an_open_reports_the_records_of_other_code() -> Result {
    run(async {
        let reopened = upgrade::<v1::Cache, other_body::Cache>(End::Killed, calls()).await?;
        let state = reopened.opened?;
        assert_eq!(state.store().recovery().records_of_other_code, 3);
        state.insert("d", 4).await?;
        drop(state);
        let reopened = reopen(reopened.folder, options::<other_body::Cache>()).await?;
        let recovery = reopened.opened?.store().recovery().clone();
        assert_eq!((recovery.records, recovery.records_of_other_code), (5, 3), "the program's own record was counted");
        Ok(())
    })
}
