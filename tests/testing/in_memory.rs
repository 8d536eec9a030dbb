//! Stores in memory.

use walr::{Durable, Error, Lsn};

use crate::common::{PANIC, Result, Words, numbered, run};

#[test]
fn it_does_what_a_store_on_a_disk_does() -> Result {
    run(async {
        let words: Durable<Words> = Durable::in_memory().await?;
        for word in numbered(3) {
            words.push(&word).await?;
        }
        let error = words.push_and_panic("gone").await.expect_err("it panics");
        assert!(matches!(&error, Error::Panicked { message, .. } if message == PANIC), "{error:?}");
        assert_eq!(words.checkpoint().await?, Lsn::new(4));
        assert_eq!(words.push_short("too long for it").await?, Err("too long for it is too long".to_string()));
        assert_eq!(words.words(), numbered(3));
        words.close().await?;
        assert!(matches!(words.push("late").await, Err(Error::Closed)));
        Ok(())
    })
}

#[test]
fn each_is_a_store_of_its_own() -> Result {
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
fn its_name_says_what_it_is() -> Result {
    run(async {
        let words: Durable<Words> = Durable::in_memory().await?;
        assert_eq!(words.store().path().to_str(), Some("in-memory/Words"));
        Ok(())
    })
}
