//! `#[cfg]` on mutations and blocks.

use serde::{Deserialize, Serialize};
use walr::__private::Recorded;
use walr::WalState;

use crate::{Result, open};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Conditional(Vec<String>);

#[walr::mutations]
impl Conditional {
    #[cfg(any())]
    #[mutation]
    fn never(&mut self, value: DoesNotExist) -> DoesNotExist {
        self.0.push(value.into());
    }

    #[mutation]
    #[cfg(not(any()))]
    fn put(&mut self, value: &str) -> usize {
        self.0.push(value.to_string());
        self.0.len()
    }

    #[mutation]
    #[cfg(any())]
    fn put(&mut self, value: DoesNotExist) {}

    #[mutation]
    fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(any())]
    #[query]
    fn missing(&self) -> DoesNotExist {
        DoesNotExist
    }

    #[cfg(not(any()))]
    #[query]
    fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(any())]
#[walr::mutations]
impl Conditional {
    #[mutation]
    fn other(&mut self) {}
}

#[walr::mutations]
#[cfg(any())]
impl Conditional {
    #[mutation]
    fn other(&mut self) {}
}

#[tokio::test]
async fn only_compiled_mutations_and_queries_exist() -> Result {
    let names: Vec<_> = Conditional::MUTATIONS.iter().map(|mutation| mutation.name).collect();
    assert_eq!(names, ["put", "clear"]);
    let (_folder, state) = open::<Conditional>().await?;
    assert_eq!(state.put("a").await?, 1);
    assert_eq!(state.count(), 1);
    let log = ConditionalLog::Clear;
    assert_eq!(Conditional::index(&log), 1);
    let json = serde_json::to_string(&log)?;
    assert!(matches!(serde_json::from_str(&json)?, ConditionalLog::Clear));
    state.apply(log).await?;
    assert_eq!(state.count(), 0);
    Ok(())
}
