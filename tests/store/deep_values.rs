//! A value that a caller's stack can hold is recovered: the store's threads have larger stacks.

use std::thread;

use serde::{Deserialize, Serialize};
use walr::{Durable, WalState};

use crate::common::{Result, run};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Node {
    value: u8,
    next: Option<Box<Node>>,
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Lists {
    all: Vec<Node>,
}

#[walr::mutations]
impl Lists {
    #[mutation]
    fn put(&mut self, list: Node) -> usize {
        self.all.push(list);
        self.all.len()
    }
}

fn list(length: usize) -> Node {
    (1..length).fold(Node::default(), |next, at| Node { value: at as u8, next: Some(Box::new(next)) })
}

fn length(list: &Node) -> usize {
    std::iter::successors(Some(list), |node| node.next.as_deref()).count()
}

#[test]
fn a_deep_value_is_recovered_from_the_log_and_from_a_checkpoint() {
    const DEPTH: usize = 8000;
    let work = || -> Result {
        run(async {
            let folder = tempfile::tempdir()?;
            let lists = Durable::<Lists>::open(folder.path()).await?;
            lists.put(list(DEPTH)).await?;
            drop(lists);
            let lists = Durable::<Lists>::open(folder.path()).await?;
            assert_eq!(lists.store().recovery().records, 1);
            lists.close().await?;
            drop(lists);
            let lists = Durable::<Lists>::open(folder.path()).await?;
            assert_eq!(lists.store().recovery().records, 0);
            assert_eq!(lists.read(|lists| length(&lists.all[0])), DEPTH);
            Ok(())
        })
    };
    let caller = thread::Builder::new().stack_size(32 << 20).spawn(move || work().unwrap());
    caller.unwrap().join().unwrap();
}
