//! Random histories of a host, of which any event may be lost: what was seen makes its records, once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// A process, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
struct Process {
    image: ImageId,
    /// Index of the current parent.
    parent: usize,
    is_alive: bool,
}

/// A kernel whose events are told to a tracker, unless they are lost.
struct Kernel {
    bench: Bench,
    processes: Vec<Process>,
    now: u64,
    /// What must come of it.
    execs: BTreeSet<Vec<u8>>,
    exits: BTreeSet<Vec<u8>>,
    /// Images of which the exec was seen, and whether something later of the process was.
    images: BTreeMap<ImageId, bool>,
}

/// What happens next: by whom, and whether it is seen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fork(usize, bool),
    Exec(usize, bool),
    Exit(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let is_seen = prop::bool::weighted(0.8);
    let step = (0..3u8, any::<usize>(), is_seen).prop_map(|(kind, who, is_seen)| match kind {
        0 => Step::Fork(who, is_seen),
        1 => Step::Exec(who, is_seen),
        _ => Step::Exit(who, is_seen),
    });
    prop::collection::vec(step, 1..120)
}

// === impl Kernel ===

impl Kernel {
    fn new() -> Self {
        let init = Process {
            image: INIT,
            parent: 0,
            is_alive: true,
        };
        Self {
            bench: bench(blind()),
            processes: vec![init],
            now: 1_000,
            execs: BTreeSet::new(),
            exits: BTreeSet::new(),
            images: BTreeMap::new(),
        }
    }

    /// One that lives, the first process excepted where it must not be.
    fn who(&self, number: usize, may_be_init: bool) -> Option<usize> {
        let alive = (0..self.processes.len())
            .filter(|at| self.processes[*at].is_alive && (may_be_init || *at > 0));
        let alive: Vec<usize> = alive.collect();
        (!alive.is_empty()).then(|| alive[number % alive.len()])
    }

    fn parent(&self, at: usize) -> ImageId {
        self.processes[self.processes[at].parent].image
    }

    /// Something of the process was seen: the images before have ended.
    fn seen(&mut self, image: ImageId) {
        for (other, has_ended) in &mut self.images {
            if other.process == image.process && other.exec_id < image.exec_id {
                *has_ended = true;
            }
        }
    }

    fn run(&mut self, step: Step) {
        self.now += 10;
        match step {
            Step::Fork(who, is_seen) => {
                let Some(creator) = self.who(who, true) else {
                    return;
                };
                let exec_id = self.processes[creator].image.exec_id;
                let pid = u32::try_from(self.processes.len()).unwrap() + 1;
                let image = ImageId::new(pid, self.now, exec_id);
                self.processes.push(Process {
                    image,
                    parent: creator,
                    is_alive: true,
                });
                if is_seen {
                    self.bench.fork(self.processes[creator].image, image);
                }
            }
            Step::Exec(who, is_seen) => {
                let Some(at) = self.who(who, false) else {
                    return;
                };
                self.processes[at].image.exec_id += 1;
                let (image, parent) = (self.processes[at].image, self.parent(at));
                if is_seen {
                    self.seen(image);
                    self.images.insert(image, false);
                    self.execs.insert(entity(image));
                    self.bench.exec(image, parent, "/bin/a", 1);
                }
            }
            Step::Exit(who, is_seen) => {
                let Some(at) = self.who(who, false) else {
                    return;
                };
                let (image, parent) = (self.processes[at].image, self.parent(at));
                self.processes[at].is_alive = false;
                for process in &mut self.processes {
                    if process.parent == at {
                        process.parent = 0;
                    }
                }
                if is_seen {
                    self.seen(image);
                    if let Some(has_ended) = self.images.get_mut(&image) {
                        *has_ended = true;
                    }
                    self.exits.insert(entity(image));
                    self.bench.exit(image, parent, false);
                }
            }
        }
    }
}

fn entity(image: ImageId) -> Vec<u8> {
    let hex = EntityId::of(BootId([1; 16]), image).hex();
    hex.as_str().as_bytes().to_vec()
}

/// The images that records with this ending of their uid are of; each uid once.
fn images_of(logs: &[LogRecord], ending: &str) -> BTreeSet<Vec<u8>> {
    let uids = logs
        .iter()
        .map(|record| text(&record.attributes, name::LOG_RECORD_UID));
    let images: Vec<Vec<u8>> = uids
        .filter_map(|uid| Some(uid.strip_suffix(ending)?.as_bytes().to_vec()))
        .collect();
    let once: BTreeSet<Vec<u8>> = images.iter().cloned().collect();
    assert_eq!(images.len(), once.len(), "a uid stands twice");
    once
}

fn length(attributes: &[KeyValue], key: &str) -> usize {
    let pair = attributes.iter().find(|pair| pair.key == key);
    let value = pair.and_then(|pair| pair.value.as_ref()?.value.as_ref());
    let Some(Value::ArrayValue(array)) = value else {
        panic!("{key} is no array: {pair:?}")
    };
    array.values.len()
}

proptest! {
    #[test]
    fn what_was_seen_makes_its_records_once(steps in steps()) {
        let mut kernel = Kernel::new();
        for step in steps {
            kernel.run(step);
        }
        let Bench { logs, spans, .. } = &kernel.bench;
        prop_assert_eq!(images_of(logs, "-exec"), kernel.execs);
        prop_assert_eq!(images_of(logs, "-exit"), kernel.exits);

        // A span for each image whose exec and whose end were seen, with the ids of its records.
        let ended: BTreeSet<Vec<u8>> = kernel
            .images
            .iter()
            .filter(|(_, has_ended)| **has_ended)
            .map(|(image, _)| entity(*image))
            .collect();
        let of_spans: Vec<Vec<u8>> = spans
            .iter()
            .map(|span| text(&span.attributes, name::KINTRACE_PROCESS_ENTITY_ID).into_bytes())
            .collect();
        prop_assert_eq!(of_spans.len(), ended.len());
        prop_assert_eq!(of_spans.into_iter().collect::<BTreeSet<_>>(), ended);
        for span in spans {
            let of_record = logs.iter().find(|record| record.span_id == span.span_id);
            prop_assert_eq!(&of_record.unwrap().trace_id, &span.trace_id);
            prop_assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        }

        // The lists of ancestors are parallel.
        for record in logs {
            let lengths = [
                name::KINTRACE_PROCESS_ANCESTOR_ENTITY_IDS,
                name::KINTRACE_PROCESS_ANCESTOR_PIDS,
                name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_PATHS,
                name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES,
            ]
            .map(|key| length(&record.attributes, key));
            prop_assert!(lengths.iter().all(|len| *len == lengths[0] && *len <= 16));
        }
    }
}
