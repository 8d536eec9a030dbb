//! Cells in processes of their own.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cells::Cell;
use crate::measure::Figures;

/// The environment variable that gives a child its cell.
const CELL: &str = "WALR_PEERS_CELL";
/// The beginning of the line with the figures. An engine may print lines of its own.
const FIGURES: &str = "FIGURES ";
/// The time after which a cell is killed, beyond that of its workload.
const PATIENCE: Duration = Duration::from_secs(240);

/// Returns the cell of this process if it is a child.
pub fn own_cell() -> Result<Option<Cell>> {
    std::env::var(CELL).ok().map(|cell| Ok(serde_json::from_str(&cell)?)).transpose()
}

/// Prints the figures, and ends this process without a wait for the engine's threads.
pub fn end(figures: &Figures) -> Result<()> {
    println!("\n{FIGURES}{}", serde_json::to_string(figures)?);
    std::io::stdout().flush()?;
    std::process::exit(0)
}

/// Runs a cell in a process, and kills it if it hangs.
pub fn run(cell: &Cell) -> Result<Figures> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(CELL, serde_json::to_string(cell)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (mut stdout, mut stderr) = (child.stdout.take().context("a pipe")?, child.stderr.take().context("a pipe")?);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let until = Instant::now() + Duration::from_secs_f64(cell.secs) + PATIENCE;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() > until => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let output = reader.join().expect("the reader doesn't panic")?;
    let errors = errors.join().expect("the reader doesn't panic")?;
    if let Some(figures) = output.lines().rev().find_map(|line| line.strip_prefix(FIGURES)) {
        return Ok(serde_json::from_str(figures)?);
    }
    Ok(Figures::failed(match status {
        None => format!("killed after {} s", PATIENCE.as_secs()),
        Some(status) => format!("{status}: {}", errors.lines().find(|line| !line.is_empty()).unwrap_or_default()),
    }))
}

/// Writes what all processes have left to the disks.
pub fn sync_disks() -> Result<()> {
    Command::new("sync").status().context("`sync` doesn't start")?;
    Ok(())
}
