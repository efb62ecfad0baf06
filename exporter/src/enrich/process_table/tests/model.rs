// tidy: long: a small kernel, which is one thing
//! The table against a plain model of a kernel, over random stories: forks, execs, exits, adoption,
//! pids used again, events lost, a snapshot that arrives among the events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

/// The data of an image is the id of the exec that loaded its program: wrong data cannot hide.
type ModelTable = ProcessTable<ImageId>;

/// Something a process does. `who` picks among the living ones.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fork {
        who: usize,
        has_clone_parent: bool,
    },
    Exec {
        who: usize,
    },
    Exit {
        who: usize,
    },
    Subreaper {
        who: usize,
    },
    /// Its later children belong to another pid namespace: `init` adopts their orphans.
    Enter {
        who: usize,
        init: usize,
    },
}

/// What reaches the table.
#[derive(Clone)]
enum Input {
    Fork(Fork),
    Exec {
        id: ImageId,
        chain: Vec<ImageId>,
    },
    Exit {
        id: ImageId,
        parent: ImageId,
    },
    Seed {
        id: ImageId,
        chain: Vec<ImageId>,
        program: ImageId,
    },
}

#[derive(Clone, Debug)]
struct Proc {
    key: ProcessKey,
    exec_id: u32,
    first_exec_id: u32,
    /// Its creator's image, and where that process is; none for init.
    creator: Option<(ImageId, usize)>,
    parent: usize,
    parents_ever: BTreeSet<ProcessKey>,
    namespace_init: usize,
    /// What it had when it was created.
    inherited: ImageId,
    is_subreaper: bool,
    is_alive: bool,
}

struct Kernel {
    procs: Vec<Proc>,
    pids: u32,
    clock: u64,
}

// === impl Kernel ===

impl Kernel {
    fn new(pids: u32) -> Self {
        let init = Proc {
            key: INIT.process,
            exec_id: 1,
            first_exec_id: 1,
            creator: None,
            parent: 0,
            parents_ever: BTreeSet::new(),
            namespace_init: 0,
            inherited: INIT,
            is_subreaper: true,
            is_alive: true,
        };
        Self {
            procs: vec![init],
            pids,
            clock: 1,
        }
    }

    fn id(&self, at: usize) -> ImageId {
        ImageId {
            process: self.procs[at].key,
            exec_id: self.procs[at].exec_id,
        }
    }

    /// The exec that loaded what an image runs.
    fn program(&self, id: ImageId) -> ImageId {
        let proc = self.by_key(id.process).expect("an image of nobody");
        if id.exec_id == proc.first_exec_id {
            proc.inherited
        } else {
            id
        }
    }

    fn by_key(&self, key: ProcessKey) -> Option<&Proc> {
        self.procs.iter().find(|proc| proc.key == key)
    }

    fn living(&self) -> Vec<usize> {
        (0..self.procs.len())
            .filter(|&at| self.procs[at].is_alive)
            .collect()
    }

    /// The parent and above, until pid 1, at most 16.
    fn chain(&self, at: usize) -> Vec<ImageId> {
        let mut chain = Vec::new();
        let mut at = at;
        while at != 0 && chain.len() < 16 {
            at = self.procs[at].parent;
            chain.push(self.id(at));
        }
        chain
    }

    /// The true ancestors of any image of a process.
    fn lineage(&self, key: ProcessKey) -> Vec<ImageId> {
        let mut creator = self.by_key(key).expect("nobody").creator;
        let mut lineage = Vec::new();
        while let Some((id, at)) = creator {
            lineage.push(id);
            creator = self.procs[at].creator;
        }
        lineage
    }

    fn do_step(&mut self, step: Step) -> Option<Input> {
        self.clock += 1;
        let living = self.living();
        let pick = |who: usize| living[who % living.len()];
        match step {
            Step::Fork {
                who,
                has_clone_parent,
            } => self.fork(pick(who), has_clone_parent),
            Step::Exec { who } => {
                let at = pick(who);
                self.procs[at].exec_id += 1;
                Some(Input::Exec {
                    id: self.id(at),
                    chain: self.chain(at),
                })
            }
            Step::Exit { who } => self.exit(pick(who)),
            Step::Subreaper { who } => {
                self.procs[pick(who)].is_subreaper = true;
                None
            }
            Step::Enter { who, init } => {
                self.procs[pick(who)].namespace_init = pick(init);
                None
            }
        }
    }

    fn fork(&mut self, at: usize, has_clone_parent: bool) -> Option<Input> {
        let taken: BTreeSet<u32> = self
            .living()
            .iter()
            .map(|&at| self.procs[at].key.pid.0)
            .collect();
        // Low pids first, so that they are soon used again.
        let pid = (3..3 + self.pids).find(|pid| !taken.contains(pid))?;
        let parent = if has_clone_parent && at != 0 {
            self.procs[at].parent
        } else {
            at
        };
        let creator = self.id(at);
        let child = Proc {
            key: id(pid, self.clock, 0).process,
            exec_id: creator.exec_id,
            first_exec_id: creator.exec_id,
            creator: Some((creator, at)),
            parent,
            parents_ever: BTreeSet::from([self.procs[parent].key]),
            namespace_init: self.procs[at].namespace_init,
            inherited: self.program(creator),
            is_subreaper: false,
            is_alive: true,
        };
        self.procs.push(child);
        let fork = forked(self.id(self.procs.len() - 1), creator);
        Some(Input::Fork(Fork {
            parent: self.id(parent),
            ..fork
        }))
    }

    fn exit(&mut self, at: usize) -> Option<Input> {
        if at == 0 {
            return None;
        }
        let event = Input::Exit {
            id: self.id(at),
            parent: self.id(self.procs[at].parent),
        };
        self.procs[at].is_alive = false;
        for orphan in self.living() {
            if self.procs[orphan].parent == at {
                let parent = self.reaper(orphan, at);
                let key = self.procs[parent].key;
                self.procs[orphan].parent = parent;
                self.procs[orphan].parents_ever.insert(key);
            }
        }
        Some(event)
    }

    /// Who adopts `orphan`, whose parent `dead` ended.
    fn reaper(&self, orphan: usize, dead: usize) -> usize {
        let mut at = dead;
        while at != 0 {
            at = self.procs[at].parent;
            if self.procs[at].is_alive && self.procs[at].is_subreaper {
                break;
            }
        }
        let init = self.procs[orphan].namespace_init;
        if at == 0 && self.procs[init].is_alive && init < orphan {
            init
        } else {
            at
        }
    }

    fn seeds(&self) -> Vec<Input> {
        let seed = |at| {
            let id = self.id(at);
            Input::Seed {
                id,
                chain: self.chain(at),
                program: self.program(id),
            }
        };
        self.living().into_iter().map(seed).collect()
    }
}

// === impl Input ===

impl Input {
    /// Whom it is about.
    fn id(&self) -> ImageId {
        match self {
            Self::Fork(Fork { id, .. })
            | Self::Exec { id, .. }
            | Self::Exit { id, .. }
            | Self::Seed { id, .. } => *id,
        }
    }

    fn deliver(&self, table: &mut ModelTable) -> Outcome {
        match self {
            Self::Fork(fork) => table.fork(fork),
            Self::Exec { id, chain } => table.exec(*id, parents(chain), Some(*id)),
            Self::Exit { id, parent } => table.exit(*id, *parent),
            Self::Seed { id, chain, program } => table.seed(*id, parents(chain), Some(*program)),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = |chain: &[ImageId]| {
            chain
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        match self {
            Self::Fork(fork) => write!(f, "fork {} by {}", fork.id, fork.creator),
            Self::Exec { id, chain } => write!(f, "exec {id} under {}", above(chain)),
            Self::Exit { id, parent } => write!(f, "exit {id} under {parent}"),
            Self::Seed { id, chain, .. } => write!(f, "seed {id} under {}", above(chain)),
        }
    }
}

/// One story as it reached the table, for the reader of a failure.
#[derive(Default)]
struct Story(String);

impl Story {
    fn tell(&mut self, input: &dyn fmt::Display) {
        writeln!(self.0, "  {input}").unwrap();
    }

    fn check(&self, result: Result<(), String>) -> Result<(), TestCaseError> {
        result.map_err(|what| TestCaseError::fail(format!("{what}\n{}", self.0)))
    }
}

fn expect<V: PartialEq + fmt::Debug>(what: &str, is: &V, should: &V) -> Result<(), String> {
    if is == should {
        Ok(())
    } else {
        Err(format!("{what}: is {is:?}, should be {should:?}"))
    }
}

fn listed(table: &ModelTable, image: Handle) -> Vec<ImageId> {
    table.lineage(image).map(|ancestor| ancestor.id).collect()
}

/// Lineage and data of an image are exactly the model's.
fn check_exact(kernel: &Kernel, table: &ModelTable, image: Handle) -> Result<(), String> {
    let id = table.id(image).ok_or("void handle")?;
    let mut truth = kernel.lineage(id.process);
    let is_truncated = truth.len() > table.limits.depth;
    truth.truncate(table.limits.depth);
    let lineage = table.lineage(image);
    expect("truncated", &lineage.is_truncated(), &is_truncated)?;
    expect(
        "source",
        &lineage.source(),
        &if truth.is_empty() && is_truncated {
            LineageSource::Unknown
        } else {
            LineageSource::Fork
        },
    )?;
    expect("listed", &lineage.len(), &truth.len())?;
    expect(&format!("lineage of {id}"), &listed(table, image), &truth)?;
    expect("data", &table.data(image), &Some(&kernel.program(id)))?;
    for ancestor in table.lineage(image) {
        let program = kernel.program(ancestor.id);
        expect(
            &format!("data of {}", ancestor.id),
            &ancestor.data,
            &Some(&program),
        )?;
    }
    Ok(())
}

/// What is said of an image is true as far as it goes, and says how far.
fn check_true(kernel: &Kernel, table: &ModelTable, image: Handle) -> Result<(), String> {
    let id = table.id(image).ok_or("void handle")?;
    let truth = kernel.lineage(id.process);
    let lineage = table.lineage(image);
    let (source, is_truncated) = (lineage.source(), lineage.is_truncated());
    let said = listed(table, image);
    if source == LineageSource::Fork {
        expect(
            &format!("recorded lineage of {id}"),
            &said,
            &truth[..said.len().min(truth.len())].to_vec(),
        )?;
        let what = format!("truncated, {id} has {said:?}");
        expect(&what, &is_truncated, &(said.len() < truth.len()))?;
    }
    expect(
        "unknown is empty",
        &(source == LineageSource::Unknown),
        &(said.is_empty() && is_truncated),
    )?;
    let mut child = kernel.by_key(id.process).ok_or("nobody")?;
    for ancestor in table.lineage(image) {
        let key = ancestor.id.process;
        let proc = kernel
            .by_key(key)
            .ok_or_else(|| format!("{} never was", ancestor.id))?;
        let (creator, _) = child.creator.ok_or("init has no ancestors")?;
        let is_creator = creator.process == key;
        if !is_creator && !child.parents_ever.contains(&key) {
            return Err(format!(
                "{key:?} is neither creator nor parent of {:?}",
                child.key
            ));
        }
        if !(proc.first_exec_id..=proc.exec_id).contains(&ancestor.id.exec_id)
            || is_creator && ancestor.id.exec_id < creator.exec_id
        {
            return Err(format!(
                "image {} never created {:?}",
                ancestor.id, child.key
            ));
        }
        if ancestor
            .data
            .is_some_and(|data| *data != kernel.program(ancestor.id))
        {
            return Err(format!("{} has the data {:?}", ancestor.id, ancestor.data));
        }
        child = proc;
    }
    expect(
        "whole means up to init",
        &(child.key == INIT.process),
        &(!is_truncated),
    )?;
    if let Some(data) = table.data(image) {
        expect(&format!("data of {id}"), data, &kernel.program(id))?;
    }
    Ok(())
}

fn living_keys(kernel: &Kernel) -> BTreeSet<ProcessKey> {
    kernel
        .living()
        .into_iter()
        .map(|at| kernel.procs[at].key)
        .collect()
}

fn live_keys(table: &ModelTable) -> Result<BTreeSet<ProcessKey>, String> {
    let keys: BTreeSet<_> = table.live().map(|id| id.process).collect();
    expect("live count", &table.live_len(), &keys.len())?;
    Ok(keys)
}

/// The same processes live in both.
fn check_live(kernel: &Kernel, table: &ModelTable) -> Result<(), String> {
    expect("live", &live_keys(table)?, &living_keys(kernel))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..64_usize, prop::bool::weighted(0.1))
            .prop_map(|(who, has_clone_parent)| Step::Fork { who, has_clone_parent }),
        4 => (0..64_usize).prop_map(|who| Step::Exec { who }),
        4 => (0..64_usize).prop_map(|who| Step::Exit { who }),
        1 => (0..64_usize).prop_map(|who| Step::Subreaper { who }),
        1 => (0..64_usize, 0..64_usize).prop_map(|(who, init)| Step::Enter { who, init }),
    ];
    prop::collection::vec(step, 1..length)
}

/// Ends everything that the table thinks alive; then nothing may be left.
fn check_all_ends(table: &mut ModelTable) -> Result<(), String> {
    let live: Vec<_> = table.live().collect();
    for id in live {
        table.exit(id, NOBODY);
    }
    table.sweep();
    assert_consistent(table);
    expect("images left", &table.len(), &0)?;
    expect(
        "processes left",
        &(table.by_key.len(), table.by_pid.len()),
        &(0, 0),
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn without_loss_the_lineage_is_the_models(
        steps in steps(80),
        pids in 2..14_u32,
        depth in 0..24_usize,
    ) {
        let mut kernel = Kernel::new(pids);
        let mut table = ModelTable::new(Limits { images: 10_000, depth });
        table.seed(INIT, parents(&[]), Some(INIT));
        let mut story = Story::default();
        for step in steps {
            let Some(input) = kernel.do_step(step) else { continue };
            story.tell(&input);
            let outcome = input.deliver(&mut table);
            assert_consistent(&table);
            story.check(expect("image", &table.id(outcome.image), &Some(input.id())))?;
            story.check(check_exact(&kernel, &table, outcome.image))?;
            for at in kernel.living() {
                let id = kernel.id(at);
                let image = table.get(id).unwrap_or(Handle::NONE);
                prop_assert_eq!(table.current(id.process), Some(image), "{}\n{}", id, story.0);
                story.check(check_exact(&kernel, &table, image))?;
            }
            story.check(check_live(&kernel, &table))?;
        }
        let counts = table.counts();
        prop_assert_eq!(
            counts,
            Counts { stubs: 0, healed_links: 0, ..Counts::default() },
            "nothing was out of order\n{}", story.0
        );
        story.check(check_all_ends(&mut table))?;
    }

    #[test]
    fn with_loss_and_a_snapshot_nothing_false_is_said(
        steps in steps(80),
        pids in 2..14_u32,
        attach in 0..30_usize,
        snapshot in 0..30_usize,
        loss in prop_oneof![Just(0.0), Just(0.1), Just(0.5)],
        dice in prop::collection::vec(0.0..1.0_f64, 80),
        places in prop::collection::vec(any::<prop::sample::Index>(), 20),
        images in prop_oneof![Just(10_000_usize), Just(64)],
    ) {
        let mut kernel = Kernel::new(pids);
        let (mut inputs, mut seeds, mut lost) = (Vec::new(), Vec::new(), 0);
        for (at, (step, dice)) in steps.iter().zip(dice).enumerate() {
            if at == attach + snapshot {
                seeds = kernel.seeds();
            }
            let Some(input) = kernel.do_step(*step) else { continue };
            if at < attach {
                continue;
            }
            if dice < loss { lost += 1 } else { inputs.push(input) }
        }
        if seeds.is_empty() {
            seeds = kernel.seeds();
        }
        // The snapshot is applied anywhere among the events, in any order.
        for (seed, place) in seeds.into_iter().zip(places) {
            inputs.insert(place.index(inputs.len() + 1), seed);
        }

        let mut table = ModelTable::new(Limits { images, depth: 16 });
        let mut story = Story::default();
        for input in &inputs {
            story.tell(input);
            let outcome = input.deliver(&mut table);
            assert_consistent(&table);
            story.check(check_true(&kernel, &table, outcome.image))?;
            for id in table.live() {
                let image = table.get(id).ok_or_else(|| TestCaseError::fail("live but unknown"))?;
                story.check(check_true(&kernel, &table, image))?;
            }
        }

        if lost == 0 {
            story.check(check_live(&kernel, &table))?;
        }
        let live = live_keys(&table).map_err(TestCaseError::fail)?;
        let mut newest = BTreeMap::<Pid, u64>::new();
        for input in &inputs {
            let key = input.id().process;
            let start = newest.entry(key.pid).or_default();
            *start = key.start.0.max(*start);
            let has_ended = matches!(input, Input::Exit { .. });
            prop_assert!(!(has_ended && live.contains(&key)), "{key:?} ended\n{}", story.0);
        }
        for key in &live {
            let newest = newest.get(&key.pid).copied().unwrap_or_default();
            prop_assert!(key.start.0 >= newest, "the pid of {key:?} was used again\n{}", story.0);
        }
        story.check(check_all_ends(&mut table))?;
    }

    #[test]
    fn the_bound_holds_and_what_is_left_is_true(steps in steps(500), images in 0..150_usize) {
        let mut kernel = Kernel::new(400);
        let mut table = ModelTable::new(Limits { images, depth: 16 });
        table.seed(INIT, parents(&[]), Some(INIT));
        let mut story = Story::default();
        for step in steps {
            // Few exits: the host grows beyond the table.
            let mut step = step;
            if let Step::Exit { who } = step
                && who % 3 > 0
            {
                step = Step::Exec { who };
            }
            let Some(input) = kernel.do_step(step) else { continue };
            story.tell(&input);
            let outcome = input.deliver(&mut table);
            prop_assert!(table.len() <= images.max(64));
            story.check(check_true(&kernel, &table, outcome.image))?;
        }
        assert_consistent(&table);
        story.check(check_all_ends(&mut table))?;
    }

    #[test]
    fn arbitrary_ids_neither_panic_nor_loop(
        inputs in prop::collection::vec(
            (0..5_u8, any_id(), any_id(), prop::collection::vec(any_id(), 0..20)), 1..60),
    ) {
        let mut table = ModelTable::new(Limits { images: 0, depth: 16 });
        for (kind, id, other, chain) in inputs {
            let outcome = match kind {
                0 => table.fork(&forked(id, other)),
                1 => table.exec(id, Parents { parent: other, chain: &chain }, Some(id)),
                2 => table.exec(id, Parents { parent: other, chain: &[] }, None),
                3 => table.seed(id, Parents { parent: other, chain: &chain }, Some(id)),
                _ => table.exit(id, other),
            };
            assert_consistent(&table);
            let handles = table.stubs().iter().chain(table.lost_exits());
            for &image in handles.chain([&outcome.image]).chain(&outcome.previous) {
                prop_assert!(table.id(image).is_some(), "a void handle was given");
                prop_assert!(table.lineage(image).count() <= 16);
            }
        }
        table.sweep();
        assert_consistent(&table);
    }
}

/// Few enough to meet each other, and the extremes.
fn any_id() -> impl Strategy<Value = ImageId> {
    let pid = prop_oneof![8 => 0..12_u32, 1 => Just(u32::MAX)];
    let start = prop_oneof![8 => 0..8_u64, 1 => Just(u64::MAX)];
    let exec_id = prop_oneof![8 => 0..5_u32, 1 => Just(u32::MAX)];
    (pid, start, exec_id).prop_map(|(pid, start, exec_id)| id(pid, start, exec_id))
}
