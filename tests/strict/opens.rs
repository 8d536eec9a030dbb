//! Opens, calls and reopens the states of the strict library.

use std::path::Path;

use journal::Durable;
use strict::{Door, Refused, Shelf, ShelfLog, ShelfOutcome, Table};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "current_thread")]
async fn a_door_works() -> Result {
    let folder = tempfile::tempdir()?;
    let door = Durable::<Door>::open(folder.path()).await?;
    assert_eq!(door.open().await?, 2);
    drop(door);
    let door = Durable::<Door>::open(folder.path()).await?;
    assert!(door.is_open());
    strict::close(&door).await?;
    assert!(!door.is_open());
    Ok(())
}

#[tokio::test(flavor = "current_thread")]
async fn a_shelf_works() -> Result {
    let folder = tempfile::tempdir()?;
    let shelf = Durable::<Shelf>::open(folder.path()).await?;
    assert_eq!(shelf.put("cup", 3, Path::new("/"), Some(Door::default())).await?, 3);
    assert_eq!(shelf.take("cup", 4).await?, Err(Refused::TooFew(3)));
    assert_eq!(shelf.take("cup", 1).await?, Ok(2));
    assert_eq!(shelf.measure(1, 1, 1, 1, 1, 1, 1).await?, 9);
    #[expect(deprecated, reason = "the mark is carried to the log")]
    let old = ShelfLog::Add { names: vec!["cup".into()] };
    assert_ne!(shelf.apply(old.clone()).await?, ShelfOutcome::Put(1));
    assert_eq!(old, old.clone());
    drop(shelf);
    let shelf = Durable::<Shelf>::open(folder.path()).await?;
    assert_eq!((shelf.left("cup"), shelf.read(Shelf::total)), (Some(3), 10), "the total comes from the replay");
    shelf.close().await?;
    drop(shelf);
    let shelf = Durable::<Shelf>::open(folder.path()).await?;
    assert_eq!(shelf.read(Shelf::total), 3, "`after_load` has counted the things");
    Ok(())
}

#[tokio::test(flavor = "current_thread")]
async fn a_generic_table_works() -> Result {
    let folder = tempfile::tempdir()?;
    let table = Durable::<Table<String>>::open(folder.path()).await?;
    for (key, refused) in [("a", None), ("b", None), ("c", Some(1))] {
        assert_eq!(table.put(&key.to_string(), 1).await?, refused);
    }
    table.remove(&["a".to_string()]).await?;
    table.close().await?;
    drop(table);
    let table = Durable::<Table<String>>::open(folder.path()).await?;
    assert_eq!(table.count(), 1, "`after_load` has counted the rows");
    table.put(&"d".to_string(), 2).await?;
    drop(table);
    let table = Durable::<Table<String>>::open(folder.path()).await?;
    assert_eq!(table.put(&"e".to_string(), 3).await?, Some(3), "the replay has counted a row more");
    Ok(())
}
