//! Forms of parameters, results and names.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walr::WalState;

use crate::{Result, open};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    x: i64,
    y: i64,
}

#[derive(Debug, PartialEq)]
pub struct Refused(&'static str);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
pub struct Forms {
    strings: Vec<String>,
    numbers: Vec<u64>,
    points: Vec<Point>,
    paths: Vec<PathBuf>,
    others: Vec<(OsString, CString)>,
    map: BTreeMap<String, Option<Point>>,
}

#[walr::mutations]
impl Forms {
    #[mutation]
    pub fn string(&mut self, by_value: String, borrowed: &str) -> usize {
        self.strings.push(by_value + borrowed);
        self.strings.len()
    }

    #[mutation]
    pub fn slices(&mut self, numbers: &[u64], points: &[Point]) {
        self.numbers.extend_from_slice(numbers);
        self.points.extend_from_slice(points);
    }

    #[mutation]
    pub fn reference(&mut self, point: &Point, pair: &(u64, u64), array: &[u64; 2]) {
        self.points.push(point.clone());
        self.numbers.extend([pair.0, pair.1, array[0], array[1]]);
    }

    #[mutation]
    pub fn named<'a, 'b>(&'a mut self, first: &'a str, second: &'b str, point: &'b Point)
    where
        'b: 'a,
    {
        self.strings.extend([first.to_string(), second.to_string()]);
        self.points.push(point.clone());
    }

    #[mutation]
    pub fn unsized_forms(&mut self, path: &Path, os: &OsStr, c: &CStr, full: &std::path::Path) {
        self.paths.extend([path.to_owned(), full.to_owned()]);
        self.others.push((os.to_owned(), c.to_owned()));
    }

    #[mutation]
    pub fn changed(&mut self, mut numbers: Vec<u64>, mut text: &str) {
        numbers.reverse();
        text = text.trim();
        self.numbers.append(&mut numbers);
        self.strings.push(text.to_string());
    }

    #[mutation]
    pub const fn nothing(&mut self) {}

    #[mutation]
    pub fn refusing(&mut self, number: u64) -> std::result::Result<u64, Refused> {
        if number == 0 {
            return Err(Refused("zero"));
        }
        self.numbers.push(number);
        Ok(number)
    }

    #[mutation]
    pub fn fixed(&mut self) -> &'static str {
        self.strings.clear();
        "cleared"
    }

    #[mutation]
    pub fn merge(&mut self, other: Self, more: Option<Self>, borrowed: &Self) -> Vec<Self> {
        let before = self.clone();
        for from in std::iter::once(other).chain(more).chain([borrowed.clone()]) {
            self.numbers.extend(from.numbers);
        }
        vec![before]
    }

    #[mutation]
    pub fn r#type(&mut self, r#match: u64, _unused: u64) -> u64 {
        self.numbers.push(r#match);
        r#match
    }

    #[mutation]
    pub fn map(&mut self, key: String, value: Option<Point>, nested: BTreeMap<String, Option<Point>>) {
        self.map.insert(key, value);
        self.map.extend(nested);
    }

    #[mutation(handle = "read_all")]
    pub fn read(&mut self) -> usize {
        self.numbers.len()
    }

    #[query]
    pub fn count_of(&self, text: &str) -> usize {
        self.strings.iter().filter(|known| *known == text).count()
    }

    #[query]
    pub fn span(&self, (from, to): (usize, usize), Point { x, .. }: &Point, _: u8, mut by: u64) -> u64 {
        by += x.unsigned_abs();
        self.numbers[from..to].iter().map(|number| number * by).sum()
    }

    #[query]
    pub fn all(&self) -> Self {
        self.clone()
    }

    #[query]
    pub const fn has_none(&self) -> bool {
        self.strings.is_empty()
    }

    #[query(handle = "numbers_sync")]
    pub fn sync(&self) -> Vec<u64> {
        self.numbers.clone()
    }

    #[query]
    pub fn with<R, F>(&self, numbers: &mut Vec<u64>, f: F) -> R
    where
        F: FnOnce(&Self) -> R,
    {
        numbers.extend(&self.numbers);
        f(self)
    }

    pub const LIMIT: usize = 3;

    pub fn plain(&self) -> usize {
        Self::LIMIT + Self::without_receiver()
    }

    fn without_receiver() -> usize {
        1
    }
}

#[tokio::test]
async fn every_form_is_called_and_replayed() -> Result {
    let (folder, state) = open::<Forms>().await?;
    let point = Point { x: 1, y: 2 };
    assert_eq!(state.string("a".into(), "b").await?, 1);
    state.slices(&[1, 2], std::slice::from_ref(&point)).await?;
    state.reference(&point, &(3, 4), &[5, 6]).await?;
    state.named("c", "d", &point).await?;
    state.unsized_forms(Path::new("e"), OsStr::new("f"), c"g", Path::new("h")).await?;
    state.changed(vec![8, 7], " i ").await?;
    state.nothing().await?;
    assert_eq!(state.refusing(0).await?, Err(Refused("zero")));
    assert_eq!(state.refusing(9).await??.min(100), 9);
    let before = state.all();
    let other = Forms { numbers: vec![10], ..Forms::default() };
    assert_eq!(state.merge(other.clone(), None, &other).await?, [before]);
    assert_eq!(state.r#type(11, 0).await?, 11);
    state.map("k".into(), Some(point.clone()), BTreeMap::from([("l".into(), None)])).await?;
    assert_eq!(state.read_all().await?, 12);
    assert_eq!((state.count_of("ab"), state.has_none()), (1, false));
    assert_eq!(state.numbers_sync(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11]);
    assert_eq!(state.span((1, 3), &point, 0, 1), 2 * (2 + 3));
    let mut numbers = vec![0];
    assert_eq!(state.with(&mut numbers, |forms| forms.points.len()), 3);
    assert_eq!(numbers.len(), 13);
    assert_eq!(state.read(Forms::plain), 4);
    let before = state.all();
    drop(state);
    let again = walr::Durable::<Forms>::open(folder.path()).await?;
    assert_eq!(again.all(), before, "the replay gives another state");
    assert_eq!(again.fixed().await?, "cleared");
    again.close().await?;
    Ok(())
}

impl From<Refused> for Box<dyn std::error::Error> {
    fn from(refused: Refused) -> Self {
        refused.0.into()
    }
}

/// A user's type with the name of a std type.
mod own_path {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Path(pub Vec<String>);

    #[derive(Default, Serialize, Deserialize, WalState)]
    pub struct Routes(Vec<Path>);

    #[walr::mutations]
    impl Routes {
        #[mutation]
        pub fn add(&mut self, path: &Path) -> usize {
            self.0.push(path.clone());
            self.0.len()
        }
    }
}

#[tokio::test]
async fn a_users_type_named_path_is_not_taken_for_std_path() -> Result {
    let (_folder, routes) = open::<own_path::Routes>().await?;
    assert_eq!(routes.add(&own_path::Path(vec!["a".into()])).await?, 1);
    Ok(())
}

#[tokio::test]
async fn handles_may_be_shared_and_futures_sent_between_threads() -> Result {
    let (_folder, state) = open::<Forms>().await?;
    let tasks: Vec<_> = (0..8u64)
        .map(|number| {
            let state = state.clone();
            tokio::spawn(async move { state.slices(&[number], &[]).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    assert_eq!(state.read_all().await?, 8);
    Ok(())
}
