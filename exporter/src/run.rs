//! `kintrace run`: the start order, written top to bottom, and the stop in reverse.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::batch;
use crate::clock::Clock;
use crate::config::{Config, Destination};
use crate::enrich::{host, process_table, procfs};
use crate::event::{ImageId, Pid};
use crate::kernel::{self, Ring, Sensor, Snapshot, Waker};
use crate::metrics::{self, Metrics};
use crate::outlets::Outlets;
use crate::pipeline::{Batches, Parts, Pipeline};
use crate::seed::Seeder;
use crate::telemetry::{DropReason, Signal, Telemetry};
use crate::trace;
use crate::tracker::{self, Tracker};

/// How often memory that a burst needed is given back.
const MEMORY_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the agent until SIGTERM, SIGINT, or until nobody reads its output any more.
///
/// # Errors
///
/// What keeps it from starting, or the failure of the pipeline. [`crate::exit::ExitCode::of`] knows the
/// code.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(run_until_stopped(config))
}

async fn run_until_stopped(config: &Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let telemetry = Arc::new(Telemetry::default());
    let closed = CancellationToken::new();
    let outlets = Outlets::open(config, &telemetry, closed.clone())?;
    let (mut sensor, ring) = Sensor::load(&probe_settings(config))?;
    // The programs are attached: what starts from here on is in the ring, what lived before in the snapshot.
    let snapshots = sensor.snapshot()?;
    telemetry.ring_size.store(u64::from(ring.size()));
    let listening = match config.metrics.listen {
        None => None,
        Some(address) => {
            let (address, serving) = metrics::serve(address, Metrics::new(Arc::clone(&telemetry)))
                .await
                .with_context(|| format!("cannot listen on {address} for /metrics: set metrics.listen to a free address, or to \"\""))?;
            tracing::info!(%address, "metrics");
            Some(tokio::spawn(serving))
        }
    };
    let thread = start_pipeline(config, sensor, ring, snapshots, &outlets, &telemetry)?;
    kernel::release_free_memory();
    tracing::info!(processes = telemetry.table_processes.get(), "watching");

    let mut memory = tokio::time::interval(MEMORY_INTERVAL);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = closed.cancelled() => break,
            () = thread.ended.cancelled() => break,
            _ = memory.tick() => kernel::release_free_memory(),
        }
    }
    let ended = thread.stop();
    outlets.shutdown().await;
    if let Some(listening) = listening {
        listening.abort();
    }
    sum_up(&telemetry);
    ended
}

fn probe_settings(config: &Config) -> kernel::Settings {
    let probes = &config.probes;
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut environment = probes.environment.clone();
    if probes.traceparent && !environment.iter().any(|name| name == "TRACEPARENT") {
        environment.push("TRACEPARENT".to_owned());
    }
    kernel::Settings {
        ring_size: size(probes.ring_size.get()),
        args_limit: size(probes.args_limit.get()),
        wakeup_bytes: size(probes.wakeup_bytes.get()),
        environment,
    }
}

/// The pipeline's thread.
struct PipelineThread {
    handle: JoinHandle<std::io::Result<()>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    /// Cancelled when the thread has ended, for whatever reason.
    ended: CancellationToken,
}

impl PipelineThread {
    fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Relaxed);
        self.waker.wake();
        match self.handle.join() {
            Ok(result) => result.context("the pipeline failed"),
            Err(_panic) => anyhow::bail!("the pipeline panicked"),
        }
    }
}

fn start_pipeline(
    config: &Config,
    sensor: Sensor,
    ring: Ring,
    mut snapshots: Vec<Snapshot>,
    outlets: &Outlets,
    telemetry: &Arc<Telemetry>,
) -> anyhow::Result<PipelineThread> {
    let clock = Clock::sample();
    let agent = own_image(&snapshots);
    let boot = host::boot_id(Path::new(procfs::ROOT)).context("cannot read the boot id")?;
    let settings = tracker::Settings {
        boot,
        clock,
        agent,
        host: host::facts(Path::new("/"), boot, agent, &config.resource.attributes),
        table: process_table::Limits {
            images: config.process_table.max_images,
            depth: config.process_table.ancestor_depth,
        },
        traces: outlets.traces.is_some().then_some(trace::Limits {
            spans: config.traces.max_spans as u64,
            age: config.traces.max_age,
        }),
    };
    let args_limit = config.probes.args_limit.as_usize();
    let seeder = Seeder::new(
        Path::new(procfs::ROOT),
        kernel::cgroups::source(),
        args_limit,
    );
    let describer = seeder.clone();
    let describe = Box::new(move |id| describer.ancestor(id));
    let mut tracker = Tracker::new(settings, Arc::clone(telemetry), describe);
    telemetry.table_processes.store(snapshots.len() as u64);
    snapshots.sort_by_key(|snapshot| snapshot.task.id.process.start);
    for snapshot in snapshots {
        tracker.seed(seeder.seed(snapshot));
    }
    let limits = batch::Limits {
        records: config.export.batch.records,
        bytes: config.export.batch.bytes.as_usize(),
        // Nobody waits for company on a console.
        age: match config.export.logs {
            Destination::Console => Duration::ZERO,
            Destination::Collector(_) => config.export.batch.age,
        },
    };
    let waker = ring.waker();
    let pipeline = Pipeline::new(Parts {
        sensor,
        ring,
        tracker,
        batches: Batches::new(limits, outlets.logs.clone(), outlets.traces.clone()),
        telemetry: Arc::clone(telemetry),
        clock,
        drain_interval: config.probes.drain_interval,
    });
    let stop = Arc::new(AtomicBool::new(false));
    let ended = CancellationToken::new();
    let (flag, guard) = (Arc::clone(&stop), ended.clone().drop_guard());
    let handle = std::thread::Builder::new()
        .name("pipeline".to_owned())
        .spawn(move || {
            let _cancelled_at_the_end = guard;
            pipeline.run(&flag)
        })
        .context("cannot start the pipeline's thread")?;
    Ok(PipelineThread {
        handle,
        stop,
        waker,
        ended,
    })
}

/// The agent as the kernel sees it.
fn own_image(snapshots: &[Snapshot]) -> ImageId {
    let pid = std::process::id();
    let own = snapshots
        .iter()
        .find(|snapshot| snapshot.task.id.process.pid == Pid(pid));
    // In a pid namespace of its own the agent has another number there: then the time tells starts apart.
    own.map_or_else(
        || ImageId::new(pid, crate::clock::now().0, 0),
        |own| own.task.id,
    )
}

/// The balance, on the last line: what was seen and where it went.
fn sum_up(telemetry: &Telemetry) {
    let kernel = telemetry.kernel();
    let lost: u64 = kernel.lost.iter().map(|(_, _, count)| count).sum();
    tracing::info!(
        seen = kernel.seen,
        lost,
        decoded = telemetry.decoded.get(),
        unaccounted = telemetry.events_balance(),
        "events"
    );
    for signal in Signal::ALL {
        let records = telemetry.records(signal);
        if records.created.get() == 0 {
            continue;
        }
        let dropped: u64 = DropReason::ALL
            .iter()
            .map(|reason| records.dropped(*reason).get())
            .sum();
        tracing::info!(
            signal = signal.name(),
            created = records.created.get(),
            exported = records.exported.get(),
            rejected = records.rejected.get(),
            dropped,
            "records"
        );
    }
}
