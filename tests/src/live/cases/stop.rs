//! How an agent ends, and what must hold for all that it wrote.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::live::agent::Ended;
use crate::live::context::{Context, Pace};
use crate::live::groups::{Case, Ending};

pub(super) const ENDINGS: &[Ending] = &[
    ("a_stopped_agent_has_written_all_and_ends_well", ended),
    (
        "records_are_numbered_without_gaps_and_have_one_epoch",
        stream,
    ),
    ("no_event_is_unaccounted_for", balance),
];

pub(super) const LOSSY: &[Ending] = &[
    ("no_event_is_unaccounted_for_after_a_loss", balance),
    ("a_lossy_stream_is_still_numbered_without_gaps", stream),
];

pub(super) const CLOSED: &[Case] = &[("an_agent_that_nobody_reads_ends_well", closed)];

fn ended(ended: &Ended, pace: Pace) -> Result<()> {
    let limit = Duration::from_secs(pace.pick(5, 20));
    ensure!(
        ended.code == Some(0),
        "it ended with {:?}\n{}",
        ended.code,
        ended.stderr
    );
    ensure!(ended.took <= limit, "it took {:?}", ended.took);
    ensure!(ended.is_whole, "the last line has no end");
    Ok(())
}

/// A gap in the numbers is a record that was dropped, and counted.
fn stream(ended: &Ended, _pace: Pace) -> Result<()> {
    let stream = &ended.stream;
    let first: Vec<_> = stream.defects.iter().take(5).map(String::as_str).collect();
    ensure!(
        first.is_empty(),
        "{} defects, the first:\n{}",
        stream.defects.len(),
        first.join("\n")
    );
    let dropped = summed_up(ended, "signal=\"logs\"", "dropped=")?;
    let missing = stream.last - stream.records;
    // What was dropped after the last record leaves no gap.
    ensure!(
        missing <= dropped,
        "{missing} numbers are missing and {dropped} were dropped"
    );
    ensure!(dropped > 0 || missing == 0, "{missing} numbers are missing");
    Ok(())
}

fn balance(ended: &Ended, _pace: Pace) -> Result<()> {
    let unaccounted = summed_up(ended, "unaccounted=", "unaccounted=")?;
    ensure!(unaccounted == 0, "{unaccounted} events are unaccounted for");
    let [created, exported, dropped] =
        ["created=", "exported=", "dropped="].map(|word| summed_up(ended, "signal=\"logs\"", word));
    let (created, exported, dropped) = (created?, exported?, dropped?);
    let read = ended.stream.records;
    ensure!(
        exported == read,
        "{exported} records were written, and {read} read"
    );
    ensure!(
        created == exported + dropped,
        "{created} are not {exported} and {dropped}"
    );
    Ok(())
}

/// A number of the agent's last words: what follows `word` on the line that has `line`.
fn summed_up(ended: &Ended, line: &str, word: &str) -> Result<u64> {
    let lines = &mut ended.stderr.lines();
    let line = lines
        .rfind(|candidate| candidate.contains(line))
        .context("no summary")?;
    let number = line
        .split(word)
        .nth(1)
        .with_context(|| format!("no {word} in {line}"))?;
    let number = number.split_whitespace().next().unwrap_or_default();
    number.parse().with_context(|| line.to_owned())
}

fn closed(context: &mut Context) -> Result<()> {
    context.agent.close_output()?;
    // It notices with the next record.
    context.program("noop").run()?;
    let ended = context.agent.ended()?;
    ensure!(
        ended.code == Some(0),
        "it ended with {:?}\n{}",
        ended.code,
        ended.stderr
    );
    ensure!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ensure!(ended.stderr.contains("unaccounted=0"), "{}", ended.stderr);
    Ok(())
}
