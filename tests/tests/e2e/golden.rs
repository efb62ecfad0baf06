//! Real samples, recorded once (`kintrace-record`), through decode, tracker and encoding to OTLP as text.
//!
//! `UPDATE_EXPECT=1 cargo test -p kintrace-tests golden` rewrites the texts. Needs neither root nor clock.
//! What was recorded, and how to do it again: `tests/golden/README.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::expect_file;
use kintrace::batch::Resource;
use kintrace::clock::{Clock, UnixNanos};
use kintrace::decode::Decoder;
use kintrace::enrich::process_table;
use kintrace::event::{ImageId, Payload};
use kintrace::identity::BootId;
use kintrace::otlp::resource::{self, Host};
use kintrace::telemetry::{Signal, Telemetry};
use kintrace::trace;
use kintrace::tracker::{Settings, Tracker};

use crate::names::Names;
use crate::text;

/// The moment of boot, and of every observation.
pub(crate) const BOOT: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

/// What a tracker gave out.
pub(crate) struct Entry {
    pub(crate) signal: Signal,
    pub(crate) resource: Resource,
    pub(crate) bytes: Vec<u8>,
}

/// Where the recordings are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// A host that knows everything about itself.
pub(crate) fn host() -> Host {
    Host {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        name: "golden".to_owned(),
        arch: "amd64".to_owned(),
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "12".to_owned(),
        instance: "1".to_owned(),
        ..Host::default()
    }
}

/// A tracker whose records depend on its input alone.
pub(crate) fn tracker() -> Tracker {
    let settings = Settings {
        boot: BootId([7; 16]),
        clock: Clock::fixed(BOOT),
        agent: ImageId::new(1, 1, 1),
        host: host(),
        table: process_table::Limits {
            images: 4096,
            depth: 16,
        },
        traces: Some(trace::Limits {
            spans: 10_000,
            age: std::time::Duration::from_secs(1 << 40),
        }),
    };
    Tracker::new(settings, Arc::new(Telemetry::default()), Box::new(|_| None))
}

/// All that becomes of these samples.
pub(crate) fn replay<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> Vec<Entry> {
    let mut tracker = tracker();
    let mut decoder = Decoder::new(4096);
    let mut entries = Vec::new();
    for sample in samples {
        if let Some(event) = decoder.decode(sample).unwrap() {
            tracker.event(event, BOOT, &mut take(&mut entries));
        }
    }
    entries
}

/// A sink.
pub(crate) fn take(entries: &mut Vec<Entry>) -> impl FnMut(Signal, &Resource, &[u8]) {
    |signal, resource, bytes| {
        entries.push(Entry {
            signal,
            resource: Arc::clone(resource),
            bytes: bytes.to_vec(),
        });
    }
}

/// Length in four bytes, then the sample.
pub(crate) fn samples(mut recording: &[u8]) -> Vec<&[u8]> {
    let mut samples = Vec::new();
    while let Some((len, rest)) = recording.split_first_chunk::<4>() {
        let (sample, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        samples.push(sample);
        recording = rest;
    }
    samples
}

/// All recordings.
pub(crate) fn recordings() -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == "bin"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The samples but one.
pub(crate) fn without<'a>(samples: &[&'a [u8]], lost: usize) -> Vec<&'a [u8]> {
    let mut samples = samples.to_vec();
    samples.remove(lost);
    samples
}

/// Replays a recording and compares the text form of every record.
#[track_caller]
fn check(name: &str) {
    let recording = std::fs::read(folder().join(name).with_extension("bin")).unwrap();
    let entries = replay(samples(&recording));
    let mut names = Names::default();
    // Checks them.
    text::collect(&entries, &mut names);
    let text = text::render(&entries, &resource::resource(&host(), None));
    expect_file![folder().join(name).with_extension("txt")].assert_eq(&text);
}

#[test]
fn every_recording_has_its_text_and_every_text_its_recording() {
    let stems = |extension: &str| -> Vec<String> {
        let entries = std::fs::read_dir(folder()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut stems: Vec<String> = paths
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        stems.sort();
        stems
    };
    assert_eq!(stems("bin"), stems("txt"));
    let this = include_str!("golden.rs");
    for stem in stems("bin") {
        assert!(this.contains(&format!("check(\"{stem}\")")), "{stem}");
    }
}

/// Guarantees: what the ring could not take costs its own record, and no other.
#[test]
fn a_lost_sample_costs_its_own_record_alone() {
    let logs = |entries: &[Entry]| {
        let is_log = |entry: &&Entry| entry.signal == Signal::Logs;
        entries.iter().filter(is_log).count()
    };
    for recording in recordings() {
        let samples = samples(&recording);
        let all = logs(&replay(samples.iter().copied()));
        for (lost, sample) in samples.iter().enumerate() {
            let event = Decoder::new(4096).decode(sample).unwrap();
            let has_record = event
                .is_some_and(|event| matches!(event.payload, Payload::Exec(_) | Payload::Exit(_)));
            let left = logs(&replay(without(&samples, lost)));
            assert_eq!(left, all - usize::from(has_record));
        }
    }
}

#[test]
fn an_exec_and_its_exit() {
    check("plain");
}

#[test]
fn a_script_names_its_interpreter() {
    check("script");
}

#[test]
fn arguments_in_parts_are_put_together_and_cut_ones_are_flagged() {
    check("long_arguments");
}

#[test]
fn a_memfd_is_flagged() {
    check("memfd");
}

#[test]
fn a_deleted_executable_is_flagged() {
    check("deleted");
}

#[test]
fn a_signal_ends_a_process() {
    check("signal");
}

#[test]
fn a_signal_that_leaves_a_core_says_so() {
    check("core_dump");
}

#[test]
fn one_process_runs_three_images() {
    check("chain");
}

#[test]
fn a_forked_child_without_exec_has_an_exit_and_no_span() {
    check("fork_only");
}

#[test]
fn bytes_that_are_not_utf8_are_escaped() {
    check("not_utf8");
}

#[test]
fn a_traceparent_becomes_a_link() {
    check("traceparent");
}

#[test]
fn set_id_bits_that_took_effect_are_flagged() {
    check("setuid");
}

#[test]
fn capabilities_of_the_file_are_flagged() {
    check("file_capabilities");
}

#[test]
fn the_login_outlives_a_change_of_ids() {
    check("login");
}

#[test]
fn securebits_are_kept_over_an_exec() {
    check("securebits");
}

#[test]
fn a_terminal_makes_a_process_interactive() {
    check("terminal");
}

/// The shell moves itself into the cgroup of a container: what it executes from then on is about that.
#[test]
fn a_container_has_a_resource_and_a_trace_of_its_own() {
    check("container");
}
