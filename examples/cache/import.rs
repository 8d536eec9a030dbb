//! The import of text into the cache, by many tasks at once.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use walr::Durable;

use crate::bar::Bar;
use crate::{Cache, Outcome};

/// The number of tasks that write at once. Calls at the same time share a sync.
pub(crate) const TASKS: usize = 64;

/// A line of a text file, with the key `path:number`.
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) text: String,
}

/// Returns the lines of the file at `path`, with `name` in their keys.
pub(crate) fn lines_of(path: &Path, name: &str) -> io::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("can't read {}: {error}", path.display())))?;
    let lines = text.lines().zip(1..);
    Ok(lines.map(|(text, number)| Line { key: format!("{name}:{number}"), text: text.to_string() }).collect())
}

/// Returns every line of the text files below `folder`, except for those in hidden folders and in `target`.
pub(crate) fn lines_below(folder: &Path) -> io::Result<Vec<Line>> {
    const TEXT: [&str; 5] = ["rs", "md", "toml", "lock", "stderr"];
    let (mut lines, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && entry.file_name() != "target" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|end| TEXT.iter().any(|text| end == *text)) {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                lines.extend(lines_of(&path, &name)?);
            }
        }
    }
    Ok(lines)
}

/// Inserts all lines, and shows a progress bar.
pub(crate) async fn import(cache: &Durable<Cache>, lines: Vec<Line>) -> Outcome<()> {
    let (bar, lines) = (Arc::new(Bar::new(lines.len())), Arc::new(lines));
    on_all_tasks(|task| {
        let (cache, bar, lines) = (cache.clone(), bar.clone(), lines.clone());
        async move {
            for line in lines.iter().skip(task).step_by(TASKS) {
                cache.insert(line.key.clone(), line.text.clone()).await?;
                bar.step();
            }
            Ok(())
        }
    })
    .await
}

/// Runs `work` in [`TASKS`] tasks at once, each with its number, until all end or one fails.
pub(crate) async fn on_all_tasks<F>(work: impl Fn(usize) -> F) -> Outcome<()>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let mut tasks: JoinSet<Outcome<()>> = (0..TASKS).map(work).collect();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
