//! Records the samples of one command's process tree, for the golden tests.
//!
//! `cargo run -p kintrace-tests --bin kintrace-record -- tests/golden/plain.bin sh -c true`, as root.
#![expect(clippy::print_stderr, reason = "a command line tool says what it did")]

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kintrace::kernel::{Sensor, Settings};
use kintrace_probes::abi;
use zerocopy::FromBytes as _;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments
        .next()
        .context("usage: kintrace-record FILE COMMAND...")?;
    let program = arguments
        .next()
        .context("usage: kintrace-record FILE COMMAND...")?;
    let settings = Settings {
        ring_size: 4 << 20,
        args_limit: 32 << 10,
        wakeup_bytes: 1 << 20,
        environment: vec!["TRACEPARENT".to_owned()],
    };
    let (mut sensor, mut ring) = Sensor::load(&settings)?;
    let status = Command::new(program).args(arguments).status()?;
    sensor.detach();
    ring.wait(Duration::from_millis(10))?;
    let mut family = HashSet::from([std::process::id()]);
    let (mut recording, mut count) = (Vec::new(), 0);
    while let Some(is_kept) = ring.next_sample(|sample| {
        let is_kept = belongs(sample, &mut family);
        if is_kept {
            recording.extend(u32::try_from(sample.len()).unwrap_or(0).to_le_bytes());
            recording.extend_from_slice(sample);
        }
        is_kept
    }) {
        count += usize::from(is_kept);
    }
    std::fs::write(&file, recording)?;
    eprintln!(
        "{count} samples in {}; the command ended with {status}",
        file.display()
    );
    Ok(())
}

/// Whether a sample is of a descendant of this program. Cgroup names are kept: the events refer to them.
fn belongs(sample: &[u8], family: &mut HashSet<u32>) -> bool {
    let Ok((header, _)) = abi::EventHeader::read_from_prefix(sample) else {
        return false;
    };
    match abi::EventKind::try_from(header.kind) {
        Ok(abi::EventKind::Fork) => match abi::ForkEvent::read_from_prefix(sample) {
            Ok((fork, _)) if family.contains(&fork.creator.tgid) => family.insert(fork.id.tgid),
            _ => false,
        },
        Ok(abi::EventKind::Exec) => abi::ExecEvent::read_from_prefix(sample)
            .is_ok_and(|(exec, _)| family.contains(&exec.task.id.tgid)),
        Ok(abi::EventKind::ExecArgs) => abi::ExecArgsEvent::read_from_prefix(sample)
            .is_ok_and(|(args, _)| family.contains(&args.id.tgid)),
        Ok(abi::EventKind::Exit) => abi::ExitEvent::read_from_prefix(sample)
            .is_ok_and(|(exit, _)| family.contains(&exit.id.tgid)),
        Ok(abi::EventKind::Cgroup) => true,
        Err(_) => false,
    }
}
