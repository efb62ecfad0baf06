// tidy: long: one case after the other, nothing to share
use std::fmt::Write as _;

use super::nodes::Link;
use super::slab::NIL;
use super::*;
use crate::event::{CgroupId, Text, Tid};

mod bounds;
mod model;

type Table = ProcessTable<&'static str>;

const ROOMY: Limits = Limits {
    images: 10_000,
    depth: 16,
};
const INIT: ImageId = ImageId::new(1, 1, 1);
const SSHD: ImageId = ImageId::new(10, 10, 2);
const BASH: ImageId = ImageId::new(20, 20, 4);
const NOBODY: ImageId = ImageId::new(0, 0, 0);

/// A process of its own: pid, start, exec id.
const fn id(pid: u32, start: u64, exec_id: u32) -> ImageId {
    ImageId::new(pid, start, exec_id)
}

fn forked(child: ImageId, creator: ImageId) -> Fork {
    Fork {
        id: child,
        creator,
        parent: creator,
        creator_tid: Tid(creator.process.pid.0),
        vpid: child.process.pid,
        cgroup: CgroupId(1),
        is_kernel_thread: false,
        comm: Text::from("test"),
    }
}

fn parents(chain: &[ImageId]) -> Parents<'_> {
    Parents {
        parent: chain.first().copied().unwrap_or(NOBODY),
        chain,
    }
}

/// systemd, sshd and a shell, all recorded at creation.
fn with_shell() -> Table {
    let mut table = Table::new(ROOMY);
    table.seed(INIT, parents(&[]), Some("systemd"));
    table.fork(&forked(id(10, 10, 1), INIT));
    table.exec(SSHD, parents(&[INIT]), Some("sshd"));
    table.fork(&forked(id(20, 20, 2), SSHD));
    table.exec(id(20, 20, 3), parents(&[SSHD, INIT]), Some("login"));
    table.exec(BASH, parents(&[SSHD, INIT]), Some("bash"));
    table
}

/// The lineage as a person reads it: `a <- b (source)`, `...` where it goes on.
#[track_caller]
fn line(table: &Table, image: Handle) -> String {
    let lineage = table.lineage(image);
    let (source, is_truncated) = (lineage.source(), lineage.is_truncated());
    let mut line = String::new();
    for ancestor in lineage {
        let id = ancestor.id.to_string();
        write!(line, "{} <- ", ancestor.data.copied().unwrap_or(&id)).unwrap();
    }
    line.push_str(if is_truncated { "..." } else { "." });
    write!(line, " {source:?}").unwrap();
    assert_consistent(table);
    line
}

/// Everything that must hold between the nodes at any time.
#[track_caller]
fn assert_consistent<T: Clone>(table: &ProcessTable<T>) {
    let mut links = FxHashMap::<u32, u32>::default();
    let mut listed = 0;
    for (index, process) in table.processes.iter() {
        assert_eq!(table.by_key.get(&process.key), Some(&index));
        let holder = table.by_pid.get(&process.key.pid) == Some(&index);
        assert_eq!(holder, process.is_alive, "holder of {:?}", process.key);
        if let Link::Creator(handle) = process.link {
            let (older, younger) = (process.creator.process, process.key);
            assert!((older.start, older.pid) < (younger.start, younger.pid));
            if let Some(image) = table.images.resolve(handle) {
                assert_eq!(table.id_of(image), Some(process.creator));
                *links.entry(image).or_default() += 1;
            }
        }
        let (mut image, mut above, mut has_told) = (process.newest, None, false);
        assert_ne!(image, NIL, "a process without images");
        while let Some(node) = table.images.get(image) {
            assert_eq!(node.process, index);
            assert!(above.is_none_or(|above| node.exec_id < above));
            (has_told, listed, above) = (
                has_told || image == process.told,
                listed + 1,
                Some(node.exec_id),
            );
            image = node.older;
        }
        assert!(has_told || !process.is_alive, "the told image is gone");
    }
    assert_eq!(listed, table.images.len());
    assert_eq!(table.by_key.len(), table.processes.len());
    assert_eq!(table.by_pid.len(), table.live.len());
    let mut kept = 0;
    for (index, image) in table.images.iter() {
        assert_eq!(image.children, links.get(&index).copied().unwrap_or(0));
        assert_ne!(image.is_kept, table.is_anchored(index));
        kept += usize::from(image.is_kept);
    }
    assert_eq!(kept, table.kept.len());
    assert!(
        table.len() <= table.limits.images,
        "{} of {}",
        table.len(),
        table.limits.images
    );
}

#[test]
fn a_child_runs_its_creators_program_until_it_execs() {
    let mut table = with_shell();
    let child = table.fork(&forked(id(30, 30, 4), BASH));
    assert_eq!(child.standing, Standing::New);
    assert_eq!(table.data(child.image), Some(&"bash"));
    assert_eq!(
        line(&table, child.image),
        "bash <- sshd <- systemd <- . Fork"
    );
    let image = table.exec(id(30, 30, 5), parents(&[BASH, SSHD, INIT]), Some("curl"));
    assert_eq!(table.id(image.previous.unwrap()), Some(id(30, 30, 4)));
    assert_eq!(table.data(image.previous.unwrap()), Some(&"bash"));
    assert_eq!(
        line(&table, image.image),
        "bash <- sshd <- systemd <- . Fork"
    );
    assert_eq!((table.live_len(), table.counts().healed_links), (4, 0));
}

#[test]
fn a_lineage_names_the_image_that_forked_and_not_the_one_that_came_after() {
    let mut table = with_shell();
    let child = id(30, 30, 4);
    table.fork(&forked(child, BASH));
    let next = id(20, 20, 5);
    let image = table.exec(next, parents(&[SSHD, INIT]), Some("htop"));
    assert_eq!(table.id(image.previous.unwrap()), Some(BASH));
    table.exit(next, SSHD);
    table.sweep();
    assert_eq!(table.get(next), None, "nobody descends from it");
    let child = table.get(child).unwrap();
    assert_eq!(line(&table, child), "bash <- sshd <- systemd <- . Fork");
}

#[test]
fn a_pid_that_is_used_again_ends_the_process_that_had_it_and_is_another_one() {
    let mut table = with_shell();
    table.fork(&forked(id(30, 30, 4), BASH));
    table.exec(id(30, 30, 5), parents(&[BASH]), Some("make"));
    table.fork(&forked(id(31, 31, 5), id(30, 30, 5)));
    let again = table.fork(&forked(id(30, 90, 2), SSHD));
    let [lost] = *table.lost_exits() else {
        panic!("{:?}", table.lost_exits())
    };
    assert_eq!(table.id(lost), Some(id(30, 30, 5)));
    assert_eq!(table.data(lost), Some(&"make"));
    assert_eq!(line(&table, again.image), "sshd <- systemd <- . Fork");
    let child = table.get(id(31, 31, 5)).unwrap();
    assert_eq!(
        line(&table, child),
        "make <- bash <- sshd <- systemd <- . Fork"
    );
    assert_eq!((table.live_len(), table.counts().lost_exits), (5, 1));
    assert_eq!(table.with_pid(Pid(30)), Some(id(30, 90, 2).process));
    // An event that still speaks of the older process does not take the pid back.
    table.exec(id(30, 30, 6), parents(&[BASH]), Some("late"));
    assert_eq!(table.with_pid(Pid(30)), Some(id(30, 90, 2).process));
}

#[test]
fn clone_parent_links_to_the_process_that_called_clone() {
    let mut table = with_shell();
    let child = id(30, 30, 4);
    let fork = Fork {
        parent: SSHD,
        ..forked(child, BASH)
    };
    table.fork(&fork);
    // The kernel's chain leaves the creator out; what was recorded stands.
    let image = table.exec(id(30, 30, 5), parents(&[SSHD, INIT]), Some("helper"));
    assert_eq!(
        line(&table, image.image),
        "bash <- sshd <- systemd <- . Fork"
    );
}

#[test]
fn a_daemon_that_forked_twice_keeps_its_lineage() {
    let mut table = with_shell();
    let (middle, daemon) = (id(30, 30, 4), id(31, 31, 5));
    table.fork(&forked(middle, BASH));
    table.exec(id(30, 30, 5), parents(&[BASH, SSHD, INIT]), Some("start"));
    table.fork(&forked(daemon, id(30, 30, 5)));
    table.exit(id(30, 30, 5), BASH);
    table.exit(BASH, SSHD);
    let image = table.exec(id(31, 31, 6), parents(&[INIT]), Some("daemon"));
    assert_eq!(
        line(&table, image.image),
        "start <- bash <- sshd <- systemd <- . Fork"
    );
    table.exit(id(31, 31, 6), INIT);
    assert_eq!((table.live_len(), table.len()), (2, 5));
    table.sweep();
    assert_eq!(table.len(), 2, "systemd and sshd");
}

#[test]
fn a_subreaper_that_adopts_does_not_become_the_creator() {
    let mut table = with_shell();
    let (shim, runc, app) = (id(40, 40, 4), id(41, 41, 4), id(42, 42, 4));
    table.fork(&forked(shim, BASH));
    table.fork(&forked(runc, shim));
    table.fork(&forked(app, runc));
    table.exit(runc, shim);
    let image = table.exec(
        id(42, 42, 5),
        parents(&[shim, BASH, SSHD, INIT]),
        Some("app"),
    );
    let ids: Vec<_> = table
        .lineage(image.image)
        .map(|ancestor| ancestor.id)
        .collect();
    assert_eq!(ids, [runc, shim, BASH, SSHD, INIT]);
}

#[test]
fn an_exec_by_a_thread_is_an_exec_of_its_process() {
    // The thread takes over pid and start time of the leader: the event cannot be told from
    // another.
    let mut table = with_shell();
    let image = table.exec(id(20, 20, 5), parents(&[SSHD, INIT]), Some("threads"));
    assert_eq!((image.standing, table.live_len()), (Standing::Known, 3));
    assert_eq!(line(&table, image.image), "sshd <- systemd <- . Fork");
}

#[test]
fn a_chain_of_execs_has_one_creator_and_one_end() {
    let mut table = with_shell();
    table.fork(&forked(id(30, 30, 4), BASH));
    for (exec_id, name) in [(5, "sh"), (6, "env"), (7, "python")] {
        let image = table.exec(id(30, 30, exec_id), parents(&[BASH]), Some(name));
        assert_eq!(
            table.id(image.previous.unwrap()),
            Some(id(30, 30, exec_id - 1))
        );
        assert_eq!(
            line(&table, image.image),
            "bash <- sshd <- systemd <- . Fork"
        );
    }
    let end = table.exit(id(30, 30, 7), BASH);
    assert_eq!(
        (table.data(end.image), end.previous),
        (Some(&"python"), None)
    );
    assert_eq!(end.standing, Standing::Known);
    let again = table.exit(id(30, 30, 7), BASH);
    assert_eq!(
        (again.standing, table.counts().duplicate_exits),
        (Standing::Ended, 1)
    );
    table.sweep();
    let late = table.exit(id(30, 30, 7), BASH);
    assert_eq!(
        (late.standing, table.counts().duplicate_exits),
        (Standing::Ended, 2)
    );
    assert_eq!((table.live_len(), table.counts().lost_exits), (3, 0));
}

#[test]
fn an_exec_after_a_lost_fork_heals_from_the_chain() {
    let mut table = with_shell();
    // make and its fork were lost; only the compiler that it started is seen.
    let make = id(30, 30, 5);
    let image = table.exec(
        id(31, 31, 6),
        parents(&[make, BASH, SSHD, INIT]),
        Some("cc"),
    );
    assert_eq!(image.standing, Standing::New);
    assert_eq!(
        line(&table, image.image),
        "30@30#5 <- bash <- sshd <- systemd <- . Kernel"
    );
    let [stub] = *table.stubs() else {
        panic!("{:?}", table.stubs())
    };
    assert_eq!((table.id(stub), table.live_len()), (Some(make), 5));
    assert_eq!((table.counts().healed_links, table.counts().stubs), (2, 1));
}

#[test]
fn a_healed_link_names_no_image_that_is_younger_than_the_child() {
    let mut table = with_shell();
    // bash#4 forked 30, then became htop#5; the fork was lost.
    table.exec(id(20, 20, 5), parents(&[SSHD, INIT]), Some("htop"));
    let image = table.exec(
        id(30, 30, 5),
        parents(&[id(20, 20, 5), SSHD, INIT]),
        Some("ls"),
    );
    let first = table.lineage(image.image).next().unwrap();
    assert_eq!((first.id, first.data), (BASH, None));
    assert_eq!(table.lineage(image.image).source(), LineageSource::Kernel);
}

#[test]
fn a_lost_exec_is_noticed_at_exit() {
    let mut table = with_shell();
    table.fork(&forked(id(30, 30, 4), BASH));
    table.exec(id(30, 30, 5), parents(&[BASH]), Some("sh"));
    let end = table.exit(id(30, 30, 6), BASH);
    assert_eq!(table.id(end.image), Some(id(30, 30, 6)));
    assert_eq!(table.data(end.image), None);
    assert_eq!(table.data(end.previous.unwrap()), Some(&"sh"));
    assert_eq!(line(&table, end.image), "bash <- sshd <- systemd <- . Fork");
}

#[test]
fn a_process_older_than_the_agent_exits() {
    let mut table = Table::new(ROOMY);
    let end = table.exit(id(50, 50, 5), BASH);
    assert_eq!((end.standing, table.live_len()), (Standing::New, 1));
    assert_eq!(line(&table, end.image), "20@20#4 <- ... Kernel");
    table.sweep();
    assert_eq!(table.len(), 1, "its parent is thought alive");
    let end = table.exit(INIT, NOBODY);
    assert_eq!(line(&table, end.image), ". Fork");
}

#[test]
fn a_seed_after_the_events_adds_data_and_doubles_nothing() {
    let mut table = Table::new(ROOMY);
    table.fork(&forked(id(20, 20, 4), SSHD));
    assert_eq!(table.stubs().len(), 1);
    let image = table.seed(id(20, 20, 4), parents(&[INIT]), Some("bash"));
    assert_eq!(line(&table, image.image), "10@10#2 <- ... Fork");
    table.seed(INIT, parents(&[]), Some("systemd"));
    let sshd = table.seed(SSHD, parents(&[INIT]), Some("sshd"));
    assert_eq!(sshd.standing, Standing::Known);
    assert_eq!(
        line(&table, table.get(id(20, 20, 4)).unwrap()),
        "sshd <- systemd <- . Procfs"
    );
    assert_eq!((table.live_len(), table.len()), (3, 3));
}

#[test]
fn events_older_than_the_snapshot_add_what_it_could_not_know() {
    let mut table = Table::new(ROOMY);
    // Read late: the daemon was adopted and runs its second program.
    let daemon = id(31, 31, 6);
    table.seed(daemon, parents(&[INIT]), Some("daemon"));
    table.seed(INIT, parents(&[]), Some("systemd"));
    assert_eq!(
        line(&table, table.get(daemon).unwrap()),
        "systemd <- . Procfs"
    );
    let fork = table.fork(&forked(id(31, 31, 4), BASH));
    assert_eq!(fork.standing, Standing::Known);
    assert_eq!(table.id(fork.image), Some(daemon));
    let old = table.exec(id(31, 31, 5), parents(&[BASH]), Some("sh"));
    assert_eq!((old.standing, old.previous), (Standing::Superseded, None));
    assert_eq!(table.current(daemon.process), table.get(daemon));
    let same = table.exec(daemon, parents(&[INIT]), Some("daemon --now"));
    assert_eq!((same.standing, same.previous), (Standing::Known, None));
    assert_eq!(table.data(same.image), Some(&"daemon --now"));
    assert_eq!(line(&table, same.image), "20@20#4 <- ... Fork");
    assert_eq!((table.live_len(), table.len()), (3, 3));
}

#[test]
fn a_seed_of_a_process_that_has_ended_revives_nobody() {
    let mut table = with_shell();
    let gone = id(30, 30, 4);
    table.fork(&forked(gone, BASH));
    table.exit(gone, BASH);
    table.sweep();
    let seed = table.seed(gone, parents(&[BASH, SSHD, INIT]), Some("bash"));
    assert_eq!((seed.standing, table.live_len()), (Standing::Ended, 3));
    let child = table.seed(id(32, 32, 4), parents(&[gone, BASH]), Some("bash"));
    assert_eq!(table.live_len(), 4);
    assert_eq!(
        line(&table, child.image),
        "30@30#4 <- bash <- sshd <- systemd <- . Procfs"
    );
}

#[test]
fn a_stub_that_is_filled_later_serves_the_children_that_run_its_program() {
    let mut table = Table::new(ROOMY);
    let child = id(30, 30, 4);
    table.fork(&forked(child, BASH));
    let [stub] = *table.stubs() else { panic!() };
    table.fork(&forked(id(31, 31, 4), child));
    table.set_data(stub, "bash").unwrap();
    assert_eq!(table.data(table.get(child).unwrap()), Some(&"bash"));
    let grandchild = table.get(id(31, 31, 4)).unwrap();
    assert_eq!(line(&table, grandchild), "bash <- bash <- ... Fork");
    *table.data_mut(stub).unwrap() = "dash";
    let image = table.exec(id(31, 31, 5), parents(&[child, BASH]), None);
    assert_eq!(table.data(image.image), None, "another program");
    assert_eq!(table.stubs(), [], "no ancestor lacks data");
}

#[test]
fn an_image_that_is_only_mentioned_does_not_end_the_one_before() {
    let mut table = with_shell();
    // The exec of bash#5 is lost, or its event is yet to come; a child of it is seen first.
    table.fork(&forked(id(30, 30, 5), id(20, 20, 5)));
    assert_eq!(
        table.id(table.current(BASH.process).unwrap()),
        Some(id(20, 20, 5))
    );
    let image = table.exec(id(20, 20, 5), parents(&[SSHD]), Some("fish"));
    assert_eq!(table.data(image.previous.unwrap()), Some(&"bash"));
    let child = table.get(id(30, 30, 5)).unwrap();
    assert_eq!(table.data(child), Some(&"fish"));
    assert_eq!(line(&table, child), "fish <- sshd <- systemd <- . Fork");
}

#[test]
fn a_chain_that_contradicts_itself_makes_no_cycle() {
    let mut table = Table::new(ROOMY);
    let (a, b) = (id(30, 30, 4), id(31, 31, 4));
    let image = table.exec(a, parents(&[b, a, b, a]), Some("a"));
    assert_eq!(line(&table, image.image), "... Unknown");
    let b = id(31, 31, 5);
    let image = table.exec(b, parents(&[a, b, a]), Some("b"));
    assert_eq!(line(&table, image.image), "a <- ... Kernel");
    table.fork(&forked(a, id(31, 31, 4)));
    table.fork(&forked(a, a));
    assert_eq!(line(&table, table.get(b).unwrap()), "a <- ... Kernel");
    assert!(table.counts().refused_links >= 3);
}

#[test]
fn the_depth_of_a_lineage_is_capped_and_said() {
    let mut table = Table::new(Limits { depth: 2, ..ROOMY });
    table.seed(INIT, parents(&[]), Some("init"));
    let chain = [INIT, id(5, 5, 1), id(6, 6, 1), id(7, 7, 1)];
    for pair in chain.windows(2) {
        table.fork(&forked(pair[1], pair[0]));
    }
    assert_eq!(
        line(&table, table.get(chain[3]).unwrap()),
        "init <- init <- ... Fork"
    );
    assert_eq!(
        line(&table, table.get(chain[2]).unwrap()),
        "init <- init <- . Fork"
    );
    assert_eq!(table.lineage(table.get(chain[3]).unwrap()).len(), 2);
}

#[test]
fn a_root_has_no_ancestors_and_a_lone_process_has_unknown_ones() {
    let mut table = Table::new(ROOMY);
    let kthreadd = table.seed(id(2, 1, 0), parents(&[]), Some("kthreadd"));
    assert_eq!(line(&table, kthreadd.image), ". Fork");
    // In the same tick of the early clock as its creator.
    let worker = table.fork(&forked(id(3, 1, 0), id(2, 1, 0)));
    assert_eq!(line(&table, worker.image), "kthreadd <- . Fork");
    let lone = Parents {
        parent: BASH,
        chain: &[],
    };
    let image = table.exec(id(30, 30, 5), lone, Some("ls"));
    assert_eq!(line(&table, image.image), "20@20#4 <- ... Kernel");
    let unknown = table.lineage(Handle::NONE);
    assert_eq!(
        (unknown.source(), unknown.is_truncated()),
        (LineageSource::Unknown, true)
    );
}
