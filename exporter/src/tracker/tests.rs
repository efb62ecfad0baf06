use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use prost::Message as _;

use super::*;
use crate::event::{Cgroup, CgroupId, EventFlags, ExitStatus, Pid, Task, Text, Tid};

const CONTAINER: &str =
    "/system.slice/docker-3f4a1c0e9b8d7f6a5e4d3c2b1a0f9e8d7c6b5a493827161504f3e2d1c0b9a8f7.scope";

struct Bench {
    tracker: Tracker,
    telemetry: Arc<Telemetry>,
    logs: Vec<LogRecord>,
    spans: Vec<Span>,
}

fn bench(describe: Describe) -> Bench {
    let settings = Settings {
        boot: BootId([1; 16]),
        clock: Clock::fixed(UnixNanos(1_000)),
        agent: ImageId::new(99, 1, 1),
        host: Host::default(),
        table: process_table::Limits {
            images: 1024,
            depth: 16,
        },
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
        let mut exec = Exec {
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

    fn bodies(&self) -> Vec<String> {
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        #[expect(clippy::wildcard_enum_match_arm, reason = "bodies are texts")]
        let body = |record: &LogRecord| match record.body.as_ref().unwrap().value.as_ref().unwrap()
        {
            Value::StringValue(text) => text.clone(),
            other => panic!("a body that is no text: {other:?}"),
        };
        self.logs.iter().map(body).collect()
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
fn a_child_in_another_trace_links_to_its_creator_and_one_in_the_same_has_it_as_parent() {
    let mut bench = bench(blind());
    let name = |id, path: &str| {
        Payload::Cgroup(Cgroup {
            id: CgroupId(id),
            path: path.into(),
        })
    };
    bench.event(name(1, "/system.slice/containerd.service"));
    bench.event(name(2, CONTAINER));
    let (shim, inside, beside) = (
        ImageId::new(5, 500, 2),
        ImageId::new(6, 600, 3),
        ImageId::new(7, 700, 3),
    );
    bench.exec(shim, INIT, "/bin/shim", 1);
    for (id, cgroup) in [(inside, 2), (beside, 1)] {
        bench.fork(shim, ImageId { exec_id: 2, ..id });
        bench.exec(id, shim, "/bin/app", cgroup);
        bench.exit(id, shim, false);
    }
    let (of_shim, inside, beside) = (&bench.logs[0], &bench.spans[0], &bench.spans[1]);
    assert_ne!(inside.trace_id, of_shim.trace_id);
    assert!(inside.parent_span_id.is_empty());
    assert_eq!(inside.links[0].span_id, of_shim.span_id);
    assert_eq!(inside.links[0].trace_id, of_shim.trace_id);
    assert_eq!(beside.trace_id, of_shim.trace_id);
    assert_eq!(beside.parent_span_id, of_shim.span_id);
    assert!(beside.links.is_empty());
}

#[test]
fn an_image_that_replaces_another_ends_its_span_and_links_to_it() {
    let mut bench = bench(blind());
    let (first, second) = (ImageId::new(5, 500, 2), ImageId::new(5, 500, 3));
    bench.exec(first, INIT, "/bin/first", 1);
    bench.exec(second, INIT, "/bin/second", 1);
    assert_eq!(bench.spans.len(), 1);
    assert_eq!(bench.spans[0].name, "first");
    bench.exit(second, INIT, false);
    assert_eq!(bench.spans[1].name, "second");
    assert_eq!(bench.spans[1].links[0].span_id, bench.spans[0].span_id);
    assert_eq!(bench.logs.len(), 3);
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

/// The lineage of siblings is encoded once: it must not outlive a change of what is above them.
#[test]
fn a_cached_lineage_is_renewed_when_the_table_learns_more() {
    let mut bench = bench(blind());
    let (shell, child) = (ImageId::new(5, 500, 2), ImageId::new(6, 600, 3));
    let parent = ImageId::new(4, 400, 2);
    bench.fork(
        shell,
        ImageId {
            exec_id: 2,
            ..child
        },
    );
    bench.exec(child, shell, "/bin/a", 1);
    assert_eq!(bench.bodies()[0], "exec /bin/a pid=6 <- ? <- ...");
    // The creator's own exec, seen late, says what it is and who is above it.
    bench.exec(shell, parent, "/bin/sh", 1);
    let sibling = ImageId::new(7, 700, 3);
    bench.fork(
        shell,
        ImageId {
            exec_id: 2,
            ..sibling
        },
    );
    bench.exec(sibling, shell, "/bin/b", 1);
    assert!(
        bench.bodies()[2].starts_with("exec /bin/b pid=7 <- sh <- ?"),
        "{:?}",
        bench.bodies()
    );
}
