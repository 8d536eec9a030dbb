//! The generated log and outcome are enums like the user's own: they are built, matched, shown and encoded.

use serde::{Deserialize, Serialize};
use walr::__private::{Mutation, Recorded};
use walr::WalState;

use crate::{Result, open};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Tally {
    total: i64,
}

#[walr::mutations]
impl Tally {
    #[mutation]
    fn add(&mut self, amount: i64, note: &str) -> i64 {
        self.total += amount + note.len() as i64;
        self.total
    }

    #[mutation]
    fn reset(&mut self) {
        self.total = 0;
    }

    #[mutation(name = "double")]
    fn twice(&mut self, times: &[u32]) -> Result<i64, String> {
        self.total *= 2 * times.len() as i64;
        Ok(self.total)
    }

    #[mutation(name = "subtract", replay_only)]
    fn old_subtract(&mut self, amount: i64) {
        self.total -= amount;
    }

    #[query]
    fn total(&self) -> i64 {
        self.total
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Second(u8);

#[walr::mutations]
impl Second {
    #[mutation]
    fn keep(&mut self, value: u8) -> Opaque {
        self.0 = value;
        Opaque(())
    }
}

/// A result without `Debug`.
struct Opaque(());

#[tokio::test]
async fn logs_are_built_and_applied() -> Result {
    use TallyLog::{Add, Reset};
    let (_folder, tally) = open::<Tally>().await?;
    assert!(matches!(tally.apply(Add { amount: 2, note: "ab".into() }).await?, TallyOutcome::Add(4)));
    let outcomes = [
        tally.apply(TallyLog::Twice { times: vec![1, 2] }).await?,
        tally.apply(TallyLog::OldSubtract { amount: 1 }).await?,
    ];
    assert_eq!(format!("{outcomes:?}"), "[Twice(Ok(16)), OldSubtract(())]");
    assert_eq!(tally.total(), 15);
    tally.apply(Reset).await?;
    assert_eq!(tally.total(), 0);
    assert_eq!(tally.add(1, "").await? + tally.twice(&[]).await??, 1);
    tally.reset().await?;
    Ok(())
}

#[tokio::test]
async fn results_need_no_debug() -> Result {
    let (_folder, second) = open::<Second>().await?;
    let Opaque(()) = second.keep(1).await?;
    let SecondOutcome::Keep(Opaque(())) = second.apply(SecondLog::Keep { value: 2 }).await?;
    assert_eq!(second.read(|second| second.0), 2);
    Ok(())
}

#[test]
fn logs_show_and_encode_like_any_enum() -> Result {
    let log = vec![
        TallyLog::Add { amount: 1, note: "n".into() },
        TallyLog::Reset,
        TallyLog::Twice { times: vec![3] },
        TallyLog::OldSubtract { amount: 4 },
    ];
    let shown = r#"[Add { amount: 1, note: "n" }, Reset, Twice { times: [3] }, OldSubtract { amount: 4 }]"#;
    assert_eq!(format!("{log:?}"), shown);
    assert_eq!(format!("{:?}", log.clone()), shown);
    let json = serde_json::to_string(&log)?;
    assert_eq!(
        json,
        r#"[{"Add":{"amount":1,"note":"n"}},"Reset",{"Twice":{"times":[3]}},{"OldSubtract":{"amount":4}}]"#
    );
    assert_eq!(format!("{:?}", serde_json::from_str::<Vec<TallyLog>>(&json)?), shown);
    let reordered = r#"{"Add":{"unknown":[1],"note":"n","amount":1}}"#;
    assert_eq!(format!("{:?}", serde_json::from_str::<TallyLog>(reordered)?), r#"Add { amount: 1, note: "n" }"#);
    Ok(())
}

/// The codec of the store writes the number of the variant, and then its arguments in order.
#[test]
fn the_codec_writes_a_log_without_names() -> Result {
    let bytes = |log: TallyLog| bincode::serde::encode_to_vec(log, bincode::config::standard());
    assert_eq!(bytes(TallyLog::Add { amount: -1, note: "n".into() })?, [0, 1, 1, b'n']);
    assert_eq!(bytes(TallyLog::Reset)?, [1]);
    assert_eq!(bytes(TallyLog::Twice { times: vec![3, 4] })?, [2, 2, 3, 4]);
    assert_eq!(bytes(TallyLog::OldSubtract { amount: 4 })?, [3, 8]);
    Ok(())
}

#[test]
fn an_invalid_log_is_an_error() {
    let error = |json| match serde_json::from_str::<TallyLog>(json) {
        Ok(log) => panic!("{log:?}"),
        Err(error) => error.to_string(),
    };
    assert!(error(r#"{"Add":{"amount":1}}"#).contains("missing field `note`"));
    assert!(
        error(r#"{"Add":[1]}"#).contains("invalid length 1, expected struct variant TallyLog::Add with 2 elements")
    );
    assert!(error(r#"{"Ad":{}}"#).contains("unknown variant `Ad`"));
}

#[test]
fn the_schema_holds_names_and_types() {
    let params = &[("amount", "i64"), ("note", "String")];
    let mutation = |index: usize, name, params, result| Mutation {
        name,
        params,
        result,
        reads_back: true,
        fingerprint: Tally::MUTATIONS[index].fingerprint,
    };
    let expected = [
        mutation(0, "add", params, "i64"),
        mutation(1, "reset", &[], "()"),
        mutation(2, "double", &[("times", "Vec<u32>")], "Result<i64, String>"),
        mutation(3, "subtract", &[("amount", "i64")], "()"),
    ];
    assert_eq!(Tally::MUTATIONS, expected);
    assert_eq!(Tally::index(&TallyLog::Add { amount: 0, note: String::new() }), 0);
    assert_eq!(Tally::index(&TallyLog::OldSubtract { amount: 0 }), 3);
    assert_ne!(Tally::MUTATIONS[0].fingerprint, Tally::MUTATIONS[1].fingerprint);
    assert!(Tally::RESULTS.iter().all(Option::is_some) && Tally::RESULTS.len() == 4);
    assert_eq!(Second::RESULTS.len(), 1);
    assert!(Second::RESULTS[0].is_none());
}

mod fingerprints {
    use serde::{Deserialize, Serialize};
    use walr::__private::Recorded;
    use walr::WalState;

    macro_rules! version {
        ($module:ident, { $($methods:tt)* }) => {
            mod $module {
                use super::*;

                #[derive(Default, Serialize, Deserialize, WalState)]
                pub(super) struct State(u64);

                #[walr::mutations]
                impl State {
                    $($methods)*
                }
            }
        };
    }

    version!(one, {
        #[mutation]
        pub(super) fn set(&mut self, value: u64) {
            self.0 = value;
        }

        #[mutation]
        pub(super) fn add(&mut self, value: u64) -> u64 {
            self.0 += value;
            self.0
        }
    });

    version!(same, {
        /// Replaces the number.
        #[mutation]
        pub(super) fn set(&mut self, value: u64) {
            self.0 = value;
        }

        #[mutation]
        pub(super) fn add(&mut self, value: u64) -> u64 {
            // Wraps in release builds.
            self.0 += value;
            self.0
        }
    });

    version!(other, {
        #[query]
        pub(super) fn get(&self) -> u64 {
            self.0
        }

        #[mutation(name = "add")]
        pub(super) fn increase(&mut self, value: u64) -> u64 {
            self.0 += value;
            self.0
        }

        #[mutation]
        pub(super) fn set(&mut self, value: u64) {
            self.0 = 1 + value;
        }
    });

    #[test]
    fn each_mutation_has_the_fingerprint_of_its_own_code() {
        fn of<S: Recorded>(name: &str) -> u64 {
            let mutation = S::MUTATIONS.iter().find(|mutation| mutation.name == name);
            mutation.expect("a mutation of this name").fingerprint
        }
        assert_eq!(of::<one::State>("set"), of::<same::State>("set"));
        assert_ne!(of::<one::State>("set"), of::<one::State>("add"));
        assert_ne!(of::<one::State>("set"), of::<other::State>("set"));
        assert_eq!(of::<one::State>("add"), of::<other::State>("add"), "the query or the method's new name changed it");
    }
}
