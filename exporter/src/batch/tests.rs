use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    records: 3,
    bytes: 1000,
    age: Duration::from_secs(5),
};

fn entry(message: &[u8]) -> Vec<u8> {
    let mut entry = vec![ENTRY_TAG];
    prost::encoding::encode_varint(message.len() as u64, &mut entry);
    entry.extend_from_slice(message);
    entry
}

fn resource(name: &str) -> Resource {
    name.as_bytes().into()
}

/// What a batch carries, resource by resource.
fn content(batch: &Batch) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    batch
        .groups
        .iter()
        .map(|group| {
            (
                group.resource.to_vec(),
                group.messages().map(<[u8]>::to_vec).collect(),
            )
        })
        .collect()
}

#[test]
fn a_full_batch_leaves_before_the_record_that_does_not_fit() {
    let one = resource("one");
    let now = Instant::now();
    let mut batcher = Batcher::new(Signal::Logs, LIMITS);
    for text in [b"a", b"b", b"c"] {
        assert!(batcher.push(&one, &entry(text), now).is_none());
    }
    let full = batcher.push(&one, &entry(b"d"), now).unwrap();
    assert_eq!(full.records(), 3);
    let rest = batcher.take().unwrap();
    assert_eq!(content(&rest), [(b"one".to_vec(), vec![b"d".to_vec()])]);
    assert!(batcher.take().is_none());
}

#[test]
fn a_new_resource_counts_against_the_bytes() {
    let now = Instant::now();
    let mut batcher = Batcher::new(
        Signal::Logs,
        Limits {
            bytes: 60,
            ..LIMITS
        },
    );
    assert!(
        batcher
            .push(&resource("small"), &entry(b"a"), now)
            .is_none()
    );
    let full = batcher
        .push(&resource(&"x".repeat(40)), &entry(b"b"), now)
        .unwrap();
    assert!(full.bytes() <= 60);
}

#[test]
fn a_record_larger_than_the_limit_travels_alone() {
    let one = resource("one");
    let now = Instant::now();
    let mut batcher = Batcher::new(Signal::Logs, LIMITS);
    batcher.push(&one, &entry(b"a"), now);
    assert_eq!(
        batcher
            .push(&one, &entry(&[7; 5000]), now)
            .unwrap()
            .records(),
        1
    );
    assert_eq!(batcher.push(&one, &entry(b"b"), now).unwrap().records(), 1);
}

#[test]
fn a_batch_is_due_when_its_oldest_record_is() {
    let now = Instant::now();
    let mut batcher = Batcher::new(Signal::Traces, LIMITS);
    assert!(batcher.take_due(now + LIMITS.age).is_none());
    batcher.push(&resource("one"), &entry(b"a"), now);
    batcher.push(&resource("one"), &entry(b"b"), now + Duration::from_secs(4));
    assert!(batcher.take_due(now + Duration::from_secs(4)).is_none());
    let due = batcher.take_due(now + LIMITS.age).unwrap();
    assert_eq!((due.signal, due.records()), (Signal::Traces, 2));
}

#[test]
fn one_record_cannot_be_split_nor_can_bytes_without_boundary() {
    let group = |entries: Vec<u8>, records| Group {
        resource: resource("one"),
        entries,
        records,
    };
    let whole = Batch {
        signal: Signal::Logs,
        groups: vec![group(entry(b"a"), 1)],
    };
    let (same, none) = whole.split();
    assert_eq!(same.records(), 1);
    assert!(none.is_none());

    let broken = Batch {
        signal: Signal::Logs,
        groups: vec![group(vec![0x12, 0xff], 2)],
    };
    let (same, none) = broken.split();
    assert_eq!((same.records(), same.groups[0].entries.len()), (2, 2));
    assert!(none.is_none());
}

fn records() -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    prop::collection::vec(
        (0..4usize, prop::collection::vec(any::<u8>(), 0..200)),
        1..60,
    )
}

proptest! {
    #[test]
    fn limits_hold_order_is_kept_and_nothing_is_lost(
        records in records(), most in 1..10usize, bytes in 50..800usize
    ) {
        let limits = Limits { records: most, bytes, ..LIMITS };
        let resources: Vec<_> = (0..4).map(|n| resource(&"r".repeat(n * 10))).collect();
        let now = Instant::now();
        let mut batcher = Batcher::new(Signal::Logs, limits);
        let mut batches = Vec::new();
        for (which, message) in &records {
            batches.extend(batcher.push(&resources[*which], &entry(message), now));
        }
        batches.extend(batcher.take());

        for batch in &batches {
            prop_assert!(batch.records() <= most as u64);
            prop_assert!(batch.bytes() <= bytes || batch.records() == 1);
        }
        for (which, resource) in resources.iter().enumerate() {
            let pushed: Vec<_> =
                records.iter().filter(|(at, _)| *at == which).map(|(_, m)| m.clone()).collect();
            let sent: Vec<_> = batches
                .iter()
                .flat_map(content)
                .filter(|(name, _)| **name == **resource)
                .flat_map(|(_, messages)| messages)
                .collect();
            prop_assert_eq!(pushed, sent);
        }
    }

    #[test]
    fn halves_put_together_are_the_whole(records in records()) {
        let resources: Vec<_> = (0..4).map(|n| resource(&"r".repeat(n))).collect();
        let mut batcher =
            Batcher::new(Signal::Logs, Limits { records: 1000, bytes: 1 << 20, ..LIMITS });
        for (which, message) in &records {
            batcher.push(&resources[*which], &entry(message), Instant::now());
        }
        let whole = batcher.take().unwrap();
        let flat = |batch: &Batch| -> Vec<(Vec<u8>, Vec<u8>)> {
            content(batch)
                .into_iter()
                .flat_map(|(name, all)| all.into_iter().map(move |one| (name.clone(), one)))
                .collect()
        };
        let (total, expected) = (whole.records(), flat(&whole));
        let (first, second) = whole.split();
        prop_assert_eq!(first.records(), if total == 1 { 1 } else { total / 2 });
        prop_assert_eq!(second.is_none(), total == 1);
        let mut both = flat(&first);
        both.extend(second.iter().flat_map(flat));
        prop_assert_eq!(both, expected);
        for half in std::iter::once(&first).chain(&second) {
            for group in &half.groups {
                prop_assert_eq!(group.records, group.messages().count() as u64);
            }
        }
    }
}
