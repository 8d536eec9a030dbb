//! Compares walr with other crates on the same workloads: see README.md.

mod cells;
mod engine;
mod engines;
mod input;
mod measure;
mod process;
mod table;
mod workload;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::cells::{Cell, run as run_cell};
use crate::measure::{Figures, file_system, load, machine};
use crate::table::Row;
use crate::workload::{ALL, Workload};

const USAGE: &str = "\
Compares walr with other crates, and prints a Markdown table for each workload.

run.sh [WORKLOAD ...] [--engines A,B] [--rounds 3] [--secs 1.5] [--dir /var/tmp] [--count N]

--engines  all by default; `raw` runs before and after each
--rounds   runs of each cell, whose median counts
--secs     of each cell of W1 to W5 and W9
--dir      a folder on the disk to measure
--count    fewer records, for a try: their number in W6 to W8";

struct Settings {
    workloads: Vec<&'static Workload>,
    engines: Vec<String>,
    rounds: usize,
    secs: f64,
    dir: PathBuf,
    count: Option<u64>,
}

impl Settings {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Settings> {
        let engines = engines::ALL.map(str::to_string).to_vec();
        let mut settings =
            Settings { workloads: vec![], engines, rounds: 3, secs: 1.5, dir: "/var/tmp".into(), count: None };
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                let named = ALL.iter().filter(|workload| workload.name == argument);
                let before = settings.workloads.len();
                settings.workloads.extend(named);
                ensure!(settings.workloads.len() > before, "{argument} is no workload\n\n{USAGE}");
                continue;
            }
            let value = arguments.next().with_context(|| format!("{argument} needs a value\n\n{USAGE}"))?;
            match &*argument {
                "--engines" => settings.engines = value.split(',').map(str::to_string).collect(),
                "--rounds" => settings.rounds = value.parse()?,
                "--secs" => settings.secs = value.parse()?,
                "--dir" => settings.dir = value.into(),
                "--count" => settings.count = Some(value.parse()?),
                _ => bail!("{argument} is no option\n\n{USAGE}"),
            }
        }
        if settings.workloads.is_empty() {
            settings.workloads = ALL.iter().collect();
        }
        for engine in &settings.engines {
            ensure!(engines::ALL.contains(&&**engine), "{engine} is no engine, but {} are", engines::ALL.join(", "));
        }
        ensure!(settings.rounds > 0, "there must be at least one round");
        ensure!(file_system(&settings.dir) != "tmpfs", "{} is in memory, and no disk", settings.dir.display());
        Ok(settings)
    }
}

fn main() -> Result<()> {
    if let Some(cell) = process::own_cell()? {
        let result = with_engine!(&*cell.engine, run_cell(&cell));
        return process::end(&result.unwrap_or_else(|error| Figures::failed(format!("{error:#}"))));
    }
    if std::env::args().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return Ok(());
    }
    let settings = Settings::parse(std::env::args().skip(1))?;
    println!("{}.\nLoad before: {}.", machine(&settings.dir), load());
    for workload in &settings.workloads {
        compare(workload, &settings)?;
    }
    println!("\nLoad after: {}.", load());
    Ok(())
}

/// Measures all engines in turn, in several rounds, and prints a table.
fn compare(workload: &Workload, settings: &Settings) -> Result<()> {
    let names = settings.engines.iter().filter(|name| workload.is_for(name));
    let mut rows: Vec<Row> = names.map(|name| Row::new(name)).collect();
    let mut raw = Row::new("raw");
    for round in 0..settings.rounds {
        let measure = |engine: &str| measure(workload, engine, settings);
        let mut before = if workload.has_raw { Some(measure("raw")?) } else { None };
        for row in &mut rows {
            if row.failed() {
                continue;
            }
            eprintln!("{}, round {} of {}: {}", workload.name, round + 1, settings.rounds, row.engine);
            let figures = measure(&row.engine)?;
            // The raw run of a stall fills memory, and takes seconds: there is only the one before.
            let after = if workload.has_raw && workload.work != "w8" { Some(measure("raw")?) } else { before.clone() };
            row.add(figures, before.iter().chain(&after));
            before = after;
            raw.runs.extend(before.clone());
        }
    }
    table::print(workload, &raw, &rows);
    Ok(())
}

/// Runs a cell in an empty folder, which it removes.
fn measure(workload: &Workload, engine: &str, settings: &Settings) -> Result<Figures> {
    let dir = settings.dir.join(format!("walr-peers-{}", std::process::id()));
    let mut cell = Cell {
        engine: engine.to_string(),
        work: workload.work.to_string(),
        dir: dir.clone(),
        secs: settings.secs,
        writers: workload.writers,
        count: if workload.is_timed() { workload.count } else { settings.count.unwrap_or(workload.count) },
        len: workload.len,
        opens: false,
    };
    let mut figures = process::run(&cell)?;
    if workload.opens && figures.error.is_none() {
        cell.opens = true;
        figures = process::run(&cell)?;
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    // The next cell must not wait for what this one has left to write.
    process::sync_disks()?;
    Ok(figures)
}
