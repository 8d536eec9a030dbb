//! Prints the table of all changes: `cargo test --test upgrades table -- --nocapture`.

use crate::common::{Result, run};
use crate::{Expected, Outcome, Row, arguments, check, code, methods, migrations, results, states};

#[test]
fn each_change_has_its_expected_outcome() -> Result {
    let topics: [&[Row]; 6] =
        [methods::ROWS, arguments::ROWS, code::ROWS, results::ROWS, states::ROWS, migrations::ROWS];
    let mut table = String::from("| change | outcome | message |\n|---|---|---|\n");
    let (mut works, mut refused) = (0, 0);
    for row in topics.into_iter().flatten() {
        let (outcome, message) = match run(check(row))? {
            Outcome::Works(how) => ("works", how),
            Outcome::Refused(message) => ("refused", message),
        };
        match row.expected {
            Expected::Works => works += 1,
            Expected::Refused(_) => refused += 1,
        }
        table += &format!("| {} | {outcome} | {} |\n", row.change, message.replace('|', "\\|"));
    }
    println!("{table}\n{works} changes work, {refused} are refused");
    assert!(works > 15 && refused > 15, "the table has too few rows");
    Ok(())
}
