//! What happens at the bound.

use super::*;

const TIGHT: Limits = Limits {
    images: 64,
    depth: 16,
};

/// systemd, and `count` children of it with pids and starts from 100.
fn with_children(count: u32) -> Table {
    let mut table = Table::new(TIGHT);
    table.seed(INIT, parents(&[]), Some("systemd"));
    for n in 100..100 + count {
        table.fork(&forked(id(n, n.into(), 1), INIT));
    }
    table
}

#[test]
fn what_is_kept_for_descendants_goes_before_what_lives() {
    let mut table = with_children(50);
    // Fifty pairs: a parent that ends and its child that lives.
    for n in 100..150 {
        table.fork(&forked(
            id(n + 100, (n + 100).into(), 1),
            id(n, n.into(), 1),
        ));
        table.exit(id(n, n.into(), 1), INIT);
        assert_consistent(&table);
    }
    assert_eq!((table.live_len(), table.len()), (51, 64));
    let counts = table.counts();
    assert_eq!((counts.forgotten_ended, counts.forgotten_live), (37, 0));
    let first = table.get(id(200, 200, 1)).unwrap();
    // The creator is still named, but not what is above it.
    assert_eq!(line(&table, first), "100@100#1 <- ... Fork");
    let last = table.get(id(249, 249, 1)).unwrap();
    assert_eq!(line(&table, last), "systemd <- systemd <- . Fork");
}

#[test]
fn then_the_oldest_living_process_without_children_goes() {
    let mut table = with_children(80);
    assert_eq!((table.len(), table.live_len()), (64, 64));
    assert_eq!(table.counts().forgotten_live, 17);
    assert_eq!(table.get(id(100, 100, 1)), None);
    assert!(table.get(INIT).is_some());
    assert_consistent(&table);
    // It is met again when it does something.
    let image = table.exec(id(100, 100, 2), parents(&[INIT]), Some("ls"));
    assert_eq!(line(&table, image.image), "systemd <- . Kernel");
}

#[test]
fn a_link_that_was_cut_heals_when_its_creator_is_met_again() {
    let mut table = with_children(1);
    // A line of living processes, each the child of the one before, longer than the table.
    let process = |n: u32| id(100 + n, (100 + n).into(), 1);
    for n in 1..65 {
        table.fork(&forked(process(n), process(n - 1)));
    }
    let lost = (0..65).find(|&n| table.get(process(n)).is_none()).unwrap();
    assert!(table.counts().forgotten_live > 0 && table.counts().forgotten_ended == 0);
    let child = table.get(process(lost + 1)).unwrap();
    let forgotten = process(lost);
    assert_eq!(line(&table, child), format!("{forgotten} <- ... Fork"));
    let chain: Vec<_> = (0..=lost).rev().map(process).collect();
    let again = table.exec(
        id(101 + lost, (101 + lost).into(), 2),
        parents(&chain),
        Some("ls"),
    );
    let lineage = table.lineage(again.image);
    assert_eq!(
        (lineage.len(), lineage.source()),
        (16, LineageSource::Kernel)
    );
    assert_eq!(
        lineage.map(|ancestor| ancestor.id).collect::<Vec<_>>(),
        chain[..16]
    );
    // The child's as recorded, and its creator's; room for both was made by forgetting others.
    assert!(table.counts().healed_links >= 2);
}

#[test]
fn a_retired_image_that_was_forgotten_leaves_the_line_whole() {
    let mut table = with_children(1);
    let parent = id(100, 100, 1);
    table.fork(&forked(id(101, 101, 1), parent));
    // The parent runs on as another image; sixty processes like it fill the table.
    table.exec(id(100, 100, 2), parents(&[INIT]), Some("other"));
    for n in 200..260 {
        table.fork(&forked(id(n, n.into(), 2), id(100, 100, 2)));
    }
    table.fork(&forked(id(300, 300, 2), id(100, 100, 2)));
    assert_eq!(table.get(parent), None);
    let child = table.get(id(101, 101, 1)).unwrap();
    assert_eq!(line(&table, child), "100@100#1 <- systemd <- . Fork");
    assert!(table.current(parent.process).is_some());
}

#[test]
fn an_event_with_a_full_chain_fits_into_the_smallest_table() {
    let mut table = Table::new(Limits {
        images: 0,
        depth: 16,
    });
    for round in 0..20_u32 {
        let base = 1000 * (round + 1);
        let chain: Vec<_> = (0..16)
            .map(|n| id(base - n, (base - n).into(), 50 - n))
            .collect();
        let image = table.exec(
            id(base + 1, (base + 1).into(), 60),
            parents(&chain),
            Some("x"),
        );
        assert_eq!(table.lineage(image.image).len(), 16);
        assert_consistent(&table);
    }
}
