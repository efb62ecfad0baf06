//! The lineage of siblings is encoded once: it must not outlive a change of what is above them.

use super::*;

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

/// What was cached must not outlive an ancestor that the full table forgot.
#[test]
fn a_cached_lineage_is_renewed_when_the_table_forgets() {
    let mut bench = bench_of(64, blind());
    let (login, shell) = (ImageId::new(4, 400, 2), ImageId::new(5, 500, 2));
    // Every link is of a fork, so that nothing but what was forgotten tells the two lineages apart.
    bench.fork(
        INIT,
        ImageId {
            exec_id: 1,
            ..login
        },
    );
    bench.exec(login, INIT, "/bin/login", 1);
    bench.fork(login, shell);
    let shell = ImageId {
        exec_id: 3,
        ..shell
    };
    bench.exec(shell, login, "/bin/sh", 1);
    bench.exit(login, INIT, false);
    let child = |pid| ImageId::new(pid, 600 + u64::from(pid), 3);
    let run = |bench: &mut Bench, pid| {
        bench.fork(shell, child(pid));
        let image = ImageId {
            exec_id: 4,
            ..child(pid)
        };
        bench.exec(image, shell, "/bin/a", 1);
        bench.exit(image, shell, false);
    };
    run(&mut bench, 6);
    let before = bench.logs.len();
    assert_eq!(
        bench.bodies()[before - 2],
        "exec /bin/a pid=6 <- sh <- login <- ?"
    );
    let mut pid = 100;
    while bench.tracker.table_state().2.forgotten_ended == 0 {
        bench.fork(shell, child(pid));
        pid += 1;
        assert!(pid < 200, "nothing was forgotten");
    }
    let before = bench.logs.len();
    run(&mut bench, 7);
    // Its id stays in the link to it; what it ran and who created it is gone.
    assert_eq!(
        bench.bodies()[before],
        "exec /bin/a pid=7 <- sh <- ? <- ..."
    );
}

/// What was cached must not outlive a link that a later event mended, wherever above it that is.
#[test]
fn a_cached_lineage_is_renewed_when_the_table_heals() {
    let (shell, above) = (ImageId::new(5, 500, 2), ImageId::new(4, 400, 2));
    // As `/proc` describes it: what it runs, and not who created it.
    let mut bench = bench(Box::new(move |id| {
        (id == shell).then(|| Seed {
            chain: Vec::new(),
            is_whole: false,
            ..seed(shell, false, "/bin/sh")
        })
    }));
    let child = |pid| ImageId::new(pid, 600, 2);
    for pid in [6, 7, 8] {
        bench.fork(shell, child(pid));
    }
    bench.exit(child(6), shell, false);
    bench.exit(shell, above, false);
    bench.exit(child(7), INIT, false);
    // The chain of an exec above.
    bench.exec(
        ImageId {
            exec_id: 3,
            ..above
        },
        INIT,
        "/bin/login",
        1,
    );
    bench.exit(child(8), INIT, false);
    assert_eq!(
        bench.bodies(),
        [
            "exit /bin/sh pid=6 code=0 <- sh <- ...",
            "exit /bin/sh pid=5 code=0 <- ? <- ...",
            "exit /bin/sh pid=7 code=0 <- sh <- ? <- ...",
            "exec /bin/login pid=4 <- ?",
            "exit /bin/sh pid=8 code=0 <- sh <- ? <- ?",
        ]
    );
}
