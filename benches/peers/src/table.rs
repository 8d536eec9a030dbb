//! A Markdown table for each workload.

use crate::measure::{Figures, Percentiles};
use crate::workload::Workload;

/// The runs of an engine, and the ratio of each to `raw`.
pub struct Row {
    pub engine: String,
    pub runs: Vec<Figures>,
    ratios: Vec<f64>,
}

impl Row {
    pub fn new(engine: &str) -> Row {
        Row { engine: engine.to_string(), runs: Vec::new(), ratios: Vec::new() }
    }

    /// Adds a run, with the runs of `raw` before and after it.
    pub fn add<'a>(&mut self, figures: Figures, raw: impl Iterator<Item = &'a Figures>) {
        let raw: Vec<f64> = raw.filter(|raw| raw.error.is_none()).map(|raw| raw.value).collect();
        if figures.error.is_none() && !raw.is_empty() {
            self.ratios.push(figures.value / (raw.iter().sum::<f64>() / raw.len() as f64));
        }
        self.runs.push(figures);
    }

    pub fn failed(&self) -> bool {
        self.runs.iter().any(|run| run.error.is_some())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_string(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn line(row: &Row, has_ratio: bool) -> String {
    let of = |field: &dyn Fn(&Figures) -> Option<f64>| number(median(row.runs.iter().filter_map(field).collect()));
    let latency = |field: &dyn Fn(&Percentiles) -> f64| of(&|run| run.latencies.as_ref().map(field));
    if let Some(error) = row.runs.iter().find_map(|run| run.error.as_ref()) {
        return format!("| {} | – | – | – | – | – | – | {} |", row.engine, error.replace(['|', '\n'], " "));
    }
    let ratio = match median(row.ratios.clone()) {
        Some(ratio) if has_ratio => {
            let lowest = row.ratios.iter().copied().reduce(f64::min);
            let highest = row.ratios.iter().copied().reduce(f64::max);
            format!("{} ({} to {})", number(Some(ratio)), number(lowest), number(highest))
        }
        _ => "–".to_string(),
    };
    let (p50, p99, worst) = (latency(&|at| at.p50), latency(&|at| at.p99), latency(&|at| at.worst));
    let (value, memory) = (of(&|run| Some(run.value)), of(&|run| Some(run.memory)));
    let note = row.runs.last().map_or("", |run| &run.note);
    format!("| {} | {value} | {ratio} | {p50} | {p99} | {worst} | {memory} | {note} |", row.engine)
}

/// Prints the table of a workload: medians, and the lowest and the highest ratio.
pub fn print(workload: &Workload, raw: &Row, rows: &[Row]) {
    println!("\n### {}\n", workload.title);
    println!("| engine | {} | of raw | p50, µs | p99, µs | worst, µs | memory, MB | note |", workload.unit);
    println!("|---|---|---|---|---|---|---|---|");
    if workload.has_raw {
        println!("{}", line(raw, false));
    }
    rows.iter().for_each(|row| println!("{}", line(row, true)));
}
