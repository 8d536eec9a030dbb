//! Stores in memory.

use walr::{Durable, Error, Lsn};

use crate::common::{PANIC, Result, Words, assert_closed, numbered, push_numbered, run};

#[test]
fn a_store_in_memory_works_like_one_on_a_disk() -> Result {
    run(async {
        let words: Durable<Words> = Durable::in_memory().await?;
        push_numbered(&words, 3).await?;
        let error = words.push_and_panic("gone").await.expect_err("the mutation didn't panic");
        assert!(matches!(&error, Error::Panicked { message, .. } if message == PANIC), "{error:?}");
        assert_eq!(words.checkpoint().await?, Lsn::new(4));
        assert_eq!(words.push_short("too long for it").await?, Err("too long for it is too long".to_string()));
        assert_eq!(words.words(), numbered(3));
        words.close().await?;
        assert_closed(words.push("late").await);
        Ok(())
    })
}

#[test]
fn each_store_in_memory_is_separate() -> Result {
    run(async {
        let one: Durable<Words> = Durable::in_memory().await?;
        let other: Durable<Words> = Durable::in_memory().await?;
        one.push("word 0").await?;
        assert_eq!((one.count(), other.count()), (1, 0));
        drop(one);
        assert_eq!(Durable::<Words>::in_memory().await?.count(), 0);
        Ok(())
    })
}

#[test]
fn a_store_in_memory_has_a_name() -> Result {
    run(async {
        let words: Durable<Words> = Durable::in_memory().await?;
        assert_eq!(words.store().path().to_str(), Some("in-memory/Words"));
        Ok(())
    })
}
