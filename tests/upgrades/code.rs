//! Changes of a mutation's body.

use walr::{ChangedCode, Error};

use super::methods::{calls, is_kept, later, v1};
use crate::Expected::{Refused, Works};
use crate::common::{Result, run};
use crate::{End, changes, options, reopen, upgrade, written};

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

/// Opens the records of the old body with the new one.
macro_rules! with {
    ($then:ident, $end:ident) => {
        async {
            let folder = written::<v1::Cache>(End::$end, calls()).await?;
            let options = options::<other_body::Cache>().on_changed_code(ChangedCode::$then);
            Ok(reopen(folder, options).await?.outcome(|state| is_kept!(state)))
        }
    };
}

changes! {
    changed_code_is_replayed, "a method's body changed, `ChangedCode::Replay`", Works => with!(Replay, Killed);
    changed_code_is_refused, "a method's body changed, `ChangedCode::Refuse`",
        Refused(&["4 records above lsn 0", "other code", "ChangedCode::Replay"]) => with!(Refuse, Killed);
    changed_code_without_records_works, "a method's body changed after a close, `ChangedCode::Refuse`", Works => with!(Refuse, Closed);
}

#[test]
fn an_open_reports_the_records_of_other_code() -> Result {
    run(async {
        let reopened = upgrade::<v1::Cache, other_body::Cache>(End::Killed, calls()).await?;
        let state = reopened.opened?;
        assert_eq!(state.store().recovery().records_of_other_code, 4);
        state.insert("d", 4).await?;
        drop(state);
        let reopened = reopen(reopened.folder, options::<other_body::Cache>()).await?;
        let recovery = reopened.opened?.store().recovery().clone();
        assert_eq!((recovery.records, recovery.records_of_other_code), (5, 4), "the program's own record was counted");
        Ok(())
    })
}

#[test]
fn unchanged_code_is_never_refused() -> Result {
    run(async {
        let folder = written::<v1::Cache>(End::Killed, calls()).await?;
        let options = options::<v1::Cache>().on_changed_code(ChangedCode::Refuse);
        assert!(is_kept!(reopen(folder, options).await?.opened?));
        Ok(())
    })
}

#[test]
fn a_refusal_of_changed_code_is_an_error_of_its_own() -> Result {
    run(async {
        let folder = written::<v1::Cache>(End::Killed, calls()).await?;
        let options = options::<other_body::Cache>().on_changed_code(ChangedCode::Refuse);
        let error = reopen(folder, options).await?.opened.expect_err("records of other code were replayed");
        assert!(matches!(error, Error::ChangedCode { records: 4, .. }), "{error:?}");
        Ok(())
    })
}
