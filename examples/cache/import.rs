//! Lines of text, and how many tasks at once put them into the cache.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use walr::Durable;

use crate::bar::Bar;
use crate::{Cache, Outcome};

/// How many tasks write at once; those that call at the same time share one sync.
pub(crate) const TASKS: usize = 64;

/// A line of a text file, and `path:line` for its key.
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) text: String,
}

/// The lines of the file at `path`, which the keys call `name`.
pub(crate) fn lines_of(path: &Path, name: &str) -> io::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("can't read {}: {error}", path.display())))?;
    let lines = text.lines().zip(1..);
    Ok(lines.map(|(text, number)| Line { key: format!("{name}:{number}"), text: text.to_string() }).collect())
}

/// Every line of the text files in `folder` and below. Hidden folders and `target` are left out.
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

/// Inserts all lines.
pub(crate) async fn import(state: &Durable<Cache>, lines: Vec<Line>) -> Outcome<()> {
    let (bar, lines) = (Arc::new(Bar::new(lines.len())), Arc::new(lines));
    on_all_tasks(|task| {
        let (state, bar, lines) = (state.clone(), bar.clone(), lines.clone());
        async move {
            for line in lines.iter().skip(task).step_by(TASKS) {
                state.insert(line.key.clone(), line.text.clone()).await?;
                bar.step();
            }
            Ok(())
        }
    })
    .await
}

/// Runs what `work` makes for the number of each task, until all are done or one has failed.
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
