mod history;
mod kin;
mod links;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use prost::Message as _;

use kintrace_semconv::attribute as name;

use super::*;
use crate::event::{Cgroup, CgroupId, EventFlags, ExitStatus, Pid, Task, Text, Tid};

struct Bench {
    tracker: Tracker,
    telemetry: Arc<Telemetry>,
    logs: Vec<LogRecord>,
    spans: Vec<Span>,
}

fn bench(describe: Describe) -> Bench {
    bench_of(1024, describe)
}

/// With a table of so many images.
fn bench_of(images: usize, describe: Describe) -> Bench {
    let settings = Settings {
        boot: BootId([1; 16]),
        clock: Clock::fixed(UnixNanos(1_000)),
        agent: ImageId::new(99, 1, 1),
        host: Host::default(),
        table: process_table::Limits { images, depth: 16 },
        traces: Some(trace::Limits {
            spans: 100,
            age: std::time::Duration::from_secs(3600),
        }),
    };
    let telemetry = Arc::new(Telemetry::default());
    let tracker = Tracker::new(settings, Arc::clone(&telemetry), describe);
    Bench {
        tracker,
        telemetry,
        logs: Vec::new(),
        spans: Vec::new(),
    }
}

impl Bench {
    fn event(&mut self, payload: Payload) {
        let event = Event {
            at: KernelTime(1_000_000),
            flags: EventFlags::NONE,
            payload,
        };
        let (logs, spans) = (&mut self.logs, &mut self.spans);
        self.tracker.event(
            event,
            UnixNanos(5),
            &mut |signal, _: &Resource, entry: &[u8]| match signal {
                Signal::Logs => logs.extend(ScopeLogs::decode(entry).unwrap().log_records),
                Signal::Traces => spans.extend(ScopeSpans::decode(entry).unwrap().spans),
            },
        );
    }

    fn fork(&mut self, creator: ImageId, child: ImageId) {
        self.event(Payload::Fork(Fork {
            id: child,
            creator,
            parent: creator,
            creator_tid: Tid(creator.process.pid.0),
            vpid: child.process.pid,
            cgroup: CgroupId(1),
            is_kernel_thread: false,
            comm: Text::default(),
        }));
    }

    fn exec(&mut self, id: ImageId, parent: ImageId, path: &str, cgroup: u64) {
        self.exec_with(id, parent, path, cgroup, &[]);
    }

    fn exec_with(
        &mut self,
        id: ImageId,
        parent: ImageId,
        path: &str,
        cgroup: u64,
        environment: &[&str],
    ) {
        let mut exec = Exec {
            environment: environment.iter().map(|text| Text::from(*text)).collect(),
            task: Task {
                id,
                parent,
                cgroup: CgroupId(cgroup),
                ..Task::default()
            },
            chain: vec![parent],
            ..Exec::default()
        };
        exec.executable.path = Some(path.into());
        self.event(Payload::Exec(Box::new(exec)));
    }

    fn exit(&mut self, id: ImageId, parent: ImageId, is_kernel_thread: bool) {
        self.event(Payload::Exit(Exit {
            id,
            parent,
            status: ExitStatus::Code(0),
            user_ns: 0,
            system_ns: 0,
            peak_rss: 0,
            vpid: Pid(0),
            cgroup: CgroupId(1),
            uid: 0,
            euid: 0,
            is_kernel_thread,
            comm: "comm".into(),
        }));
    }

    fn cgroup(&mut self, id: u64, path: &str) {
        self.event(Payload::Cgroup(Cgroup {
            id: CgroupId(id),
            path: path.into(),
        }));
    }

    fn bodies(&self) -> Vec<String> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "bodies are texts")]
        let body = |record: &LogRecord| match record.body.as_ref().unwrap().value.as_ref().unwrap()
        {
            Value::StringValue(text) => text.clone(),
            other => panic!("a body that is no text: {other:?}"),
        };
        self.logs.iter().map(body).collect()
    }
}

/// A string attribute; empty if it is not there.
fn text(attributes: &[KeyValue], key: &str) -> String {
    let pair = attributes.iter().find(|pair| pair.key == key);
    let value = pair.and_then(|pair| pair.value.as_ref()?.value.as_ref());
    if let Some(Value::StringValue(text)) = value {
        text.clone()
    } else {
        String::new()
    }
}

const INIT: ImageId = ImageId::new(1, 1, 1);

fn blind() -> Describe {
    Box::new(|_| None)
}

#[test]
fn a_process_seen_only_at_its_end_has_a_record_and_no_span() {
    let mut bench = bench(blind());
    bench.exit(ImageId::new(7, 700, 3), INIT, false);
    assert_eq!(bench.bodies(), ["exit comm pid=7 code=0 <- ?"]);
    assert!(bench.logs[0].trace_id.is_empty());
    assert!(bench.spans.is_empty());
}

#[test]
fn threads_of_the_kernel_and_second_exits_are_counted_and_make_no_record() {
    let mut bench = bench(blind());
    bench.exit(ImageId::new(7, 700, 3), INIT, true);
    bench.exit(ImageId::new(8, 800, 3), INIT, false);
    bench.exit(ImageId::new(8, 800, 3), INIT, false);
    assert_eq!(bench.logs.len(), 1);
    assert_eq!(bench.telemetry.filtered(Filtered::KernelThread).get(), 1);
    assert_eq!(bench.telemetry.filtered(Filtered::DuplicateExit).get(), 1);
}

#[test]
fn a_forked_child_without_exec_has_a_record_of_its_creators_program_and_no_span() {
    let mut bench = bench(blind());
    let (shell, child) = (ImageId::new(5, 500, 2), ImageId::new(6, 600, 2));
    bench.exec(shell, INIT, "/bin/sh", 1);
    bench.fork(shell, child);
    bench.exit(child, shell, false);
    assert_eq!(bench.bodies()[1], "exit /bin/sh pid=6 code=0 <- sh <- ?");
    assert!(bench.spans.is_empty());
    // The record belongs to the span of the image that executed the program.
    assert_eq!(bench.logs[1].span_id, bench.logs[0].span_id);
}

#[test]
fn an_ancestor_known_by_its_id_is_described_once_it_is_met() {
    let mut asked = 0;
    let mut bench = bench(Box::new(move |id| {
        asked += 1;
        assert_eq!((id, asked), (INIT, 1));
        let mut exec = Exec {
            task: Task {
                id,
                ..Task::default()
            },
            ..Exec::default()
        };
        exec.executable.path = Some("/sbin/init".into());
        Some(Seed {
            exec,
            chain: Vec::new(),
            is_whole: false,
            flags: EventFlags::NONE,
            cgroup_path: None,
        })
    }));
    bench.exec(ImageId::new(5, 500, 2), INIT, "/bin/a", 1);
    bench.exec(ImageId::new(6, 600, 2), INIT, "/bin/b", 1);
    assert_eq!(
        bench.bodies(),
        ["exec /bin/a pid=5 <- init", "exec /bin/b pid=6 <- init"]
    );
}

/// A process older than the agent: who it is from the kernel, what it runs from `/proc`.
fn seed(id: ImageId, is_kernel_thread: bool, path: &str) -> Seed {
    let mut exec = Exec {
        task: Task {
            id,
            parent: INIT,
            is_kernel_thread,
            ..Task::default()
        },
        ..Exec::default()
    };
    exec.executable.path = (!path.is_empty()).then(|| path.into());
    Seed {
        exec,
        chain: vec![INIT],
        is_whole: true,
        flags: EventFlags::NONE,
        cgroup_path: None,
    }
}

#[test]
fn a_process_older_than_the_agent_has_its_exit_and_its_span() {
    let mut bench = bench(blind());
    let old = ImageId::new(5, 500, 2);
    bench.tracker.seed(seed(old, false, "/usr/sbin/sshd"));
    bench.exit(old, INIT, false);
    assert_eq!(bench.bodies(), ["exit /usr/sbin/sshd pid=5 code=0 <- ?"]);
    assert_eq!(bench.spans.len(), 1);
    // From its creation: when it began what it runs is not known.
    assert_eq!(bench.spans[0].start_time_unix_nano, 1_500);
    assert_eq!(bench.spans[0].span_id, bench.logs[0].span_id);
}

#[test]
fn a_thread_of_the_kernel_older_than_the_agent_makes_no_record_but_what_it_executes_does() {
    let mut bench = bench(blind());
    let (thread, helper) = (ImageId::new(5, 500, 1), ImageId::new(6, 600, 1));
    bench.tracker.seed(seed(thread, true, ""));
    bench.exit(thread, INIT, true);
    assert!(bench.logs.is_empty() && bench.spans.is_empty());
    assert_eq!(bench.telemetry.filtered(Filtered::KernelThread).get(), 1);
    bench.tracker.seed(seed(helper, true, ""));
    let modprobe = ImageId {
        exec_id: 2,
        ..helper
    };
    bench.exec(modprobe, INIT, "/sbin/modprobe", 1);
    bench.exit(modprobe, INIT, false);
    assert_eq!(bench.logs.len(), 2);
    let names: Vec<&str> = bench.spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["modprobe"]);
}
