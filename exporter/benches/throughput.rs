//! From recorded samples to encoded bytes on one core: decode, process table, records, batches.
//!
//! `cargo bench -p kintrace --bench throughput`. Prints records per second for log records alone and with
//! spans; `cargo xtask bench` puts it beside the other figures. No request is built, compressed or sent.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use kintrace::batch::{Batcher, Limits, Resource};
use kintrace::clock::{Clock, UnixNanos};
use kintrace::decode::Decoder;
use kintrace::enrich::process_table;
use kintrace::event::ImageId;
use kintrace::identity::BootId;
use kintrace::otlp::resource::Host;
use kintrace::telemetry::{Signal, Telemetry};
use kintrace::trace;
use kintrace::tracker::{Settings, Tracker};
use kintrace_probes::abi;
use rustix::time::{ClockId, clock_gettime};
use zerocopy::IntoBytes as _;

/// Ancestors of each process.
const DEPTH: u32 = 5;
/// Process lifetimes in one round: three samples each.
const LIFETIMES: u32 = 20_000;
/// Lifetimes whose samples are made ahead of the clock, so that reading them is not what is measured.
const CHUNK: usize = 500;
const ROUNDS: usize = 7;

fn main() {
    for (what, spans) in [("logs", false), ("logs+traces", true)] {
        let mut rates: Vec<(f64, f64)> = (0..ROUNDS).map(|_| round(spans)).collect();
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (rate, bytes) = rates.get(ROUNDS / 2).copied().unwrap();
        println!("throughput {what}: {rate:.0} records/s on one core, {bytes:.0} bytes each");
    }
}

/// Records per second and bytes per record.
fn round(spans: bool) -> (f64, f64) {
    let mut tracker = tracker(spans);
    let mut decoder = Decoder::new(4096);
    let limits = Limits {
        records: 2048,
        bytes: 1 << 20,
        age: Duration::from_secs(1),
    };
    let mut logs = Batcher::new(Signal::Logs, limits);
    let mut traces = Batcher::new(Signal::Traces, limits);
    let (mut records, mut bytes) = (0u64, 0usize);
    let now = Instant::now();
    let mut feed = |sample: &[u8]| {
        let Some(event) = decoder.decode(sample).unwrap() else {
            return;
        };
        tracker.event(
            event,
            UnixNanos(1),
            &mut |signal, resource: &Resource, entry: &[u8]| {
                records += 1;
                bytes += entry.len();
                let full = match signal {
                    Signal::Logs => logs.push(resource, entry, now),
                    Signal::Traces => traces.push(resource, entry, now),
                };
                drop(full);
            },
        );
    };
    let mut creator = image(1, 1);
    for level in 2..=DEPTH {
        let child = image(level, 1);
        feed(&fork(creator, child));
        let executed = image(level, level);
        feed(&exec(executed, creator));
        creator = executed;
    }
    let mut busy = Duration::ZERO;
    for first in (0..LIFETIMES).step_by(CHUNK) {
        let samples: Vec<[Vec<u8>; 3]> = (0..CHUNK)
            .map(|i| {
                let pid = 100 + first + u32::try_from(i).unwrap();
                let (forked, executed) =
                    (image(pid, creator.exec_id), image(pid, creator.exec_id + 1));
                [
                    fork(creator, forked),
                    exec(executed, creator),
                    exit(executed, creator),
                ]
            })
            .collect();
        let start = cpu_time();
        samples.iter().flatten().for_each(|sample| feed(sample));
        busy += cpu_time() - start;
    }
    let seconds = busy.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let (records, bytes) = (records as f64, bytes as f64);
    (records / seconds, bytes / records)
}

/// Of this thread: what others do on the machine counts less.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

fn tracker(spans: bool) -> Tracker {
    let settings = Settings {
        boot: BootId([1; 16]),
        clock: Clock::fixed(UnixNanos(1_700_000_000_000_000_000)),
        agent: ImageId::new(999, 1, 1),
        host: Host::default(),
        table: process_table::Limits {
            images: 65_536,
            depth: 16,
        },
        traces: spans.then_some(trace::Limits {
            spans: 10_000,
            age: Duration::from_secs(3600),
        }),
    };
    Tracker::new(settings, Arc::new(Telemetry::default()), Box::new(|_| None))
}

fn image(pid: u32, exec_id: u32) -> abi::ImageId {
    abi::ImageId {
        start_ns: u64::from(pid) * 1000,
        tgid: pid,
        exec_id,
    }
}

fn header(kind: abi::EventKind) -> abi::EventHeader {
    abi::EventHeader {
        ktime_ns: 5_000_000_000,
        kind: kind as u32,
        ..Default::default()
    }
}

fn fork(creator: abi::ImageId, child: abi::ImageId) -> Vec<u8> {
    let event = abi::ForkEvent {
        header: header(abi::EventKind::Fork),
        id: child,
        creator,
        parent: creator,
        creator_tid: creator.tgid,
        ns_tgid: child.tgid,
        ..Default::default()
    };
    event.as_bytes().to_vec()
}

fn exec(id: abi::ImageId, parent: abi::ImageId) -> Vec<u8> {
    let path: &[u8] = b"python3.11\0bin\0usr\0";
    let cwd: &[u8] = b"project\0worker\0home\0";
    let filename: &[u8] = b"/usr/bin/python3\0";
    let args: &[u8] = b"python3\0-m\0http.server\0--bind\x00127.0.0.1\08080\0";
    let chain: Vec<abi::ImageId> = (1..=DEPTH).rev().map(|level| image(level, level)).collect();
    let len = |part: &[u8]| u32::try_from(part.len()).unwrap();
    let mut event = abi::ExecEvent {
        header: header(abi::EventKind::Exec),
        exe_inode: 4242,
        exe_device: 8 << 20 | 1,
        exe_mode: 0o100_755,
        exec_tid: id.tgid,
        argc: 6,
        args_size: args.len() as u64,
        ancestors_count: DEPTH,
        path_len: len(path),
        cwd_len: len(cwd),
        filename_len: len(filename),
        args_len: len(args),
        ..Default::default()
    };
    event.task.id = id;
    event.task.parent = parent;
    (event.task.uid, event.task.euid, event.task.cgroup_id) = (1000, 1000, 77);
    event.task.cap_bounding = 0x1ff_ffff_ffff;
    (event.task.ns_mnt, event.task.ns_pid, event.task.ns_net) =
        (4_026_531_832, 4_026_531_836, 4_026_531_833);
    (event.task.ns_uts, event.task.ns_ipc, event.task.ns_user) =
        (4_026_531_838, 4_026_531_839, 4_026_531_837);
    event.task.comm[..7].copy_from_slice(b"python3");
    [
        event.as_bytes(),
        chain.as_bytes(),
        path,
        cwd,
        filename,
        args,
    ]
    .concat()
}

fn exit(id: abi::ImageId, parent: abi::ImageId) -> Vec<u8> {
    let mut event = abi::ExitEvent {
        header: header(abi::EventKind::Exit),
        id,
        parent,
        runtime_ns: 1_234_567,
        max_rss_pages: 2500,
        tid: id.tgid,
        ns_tgid: id.tgid,
        ..Default::default()
    };
    event.comm[..7].copy_from_slice(b"python3");
    event.as_bytes().to_vec()
}
