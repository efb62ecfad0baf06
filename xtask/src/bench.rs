//! What the agent costs: ratios with both sides in one run, and what they were measured on.
//!
//! `cargo xtask bench` prints them; `docs/overhead.md` records a run. Nothing here fails by a number:
//! timings depend on the machine and are never asserted.

mod agent;
mod sink;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::deps;
use crate::workspace::{Workspace, is_root, output, run};
use agent::Agent;
use sink::Sink;

/// Execs of one storm.
const STORM: u64 = 5_000;
/// Storms with and without the agent, in turn.
const ROUNDS: usize = 11;
/// Processes that live at the same time.
const LIVING: usize = 10_000;

/// The programs of the workload.
struct Programs {
    storm: PathBuf,
    noop: PathBuf,
}

/// Measures everything and prints it.
///
/// # Errors
///
/// Something is missing, or does not build or start. Not for slow numbers.
pub(crate) fn bench(workspace: &Workspace) -> Result<()> {
    ensure!(
        is_root(),
        "cargo xtask bench attaches programs: run it as root"
    );
    deps::ensure(deps::Set::Build)?;
    run(workspace
        .cargo()
        .args(["build", "--release", "--package", "kintrace"]))?;
    let programs = build_programs(workspace)?;
    let binary = workspace.target.join("release/kintrace");
    println!("machine: {}", machine()?);
    let sink = Sink::start()?;
    storms(&binary, &programs, &sink)?;
    resident(&binary, &programs, &sink)?;
    print!(
        "{}",
        output(workspace.cargo().args([
            "bench",
            "--quiet",
            "--package",
            "kintrace",
            "--bench",
            "throughput"
        ]))?
    );
    Ok(())
}

fn build_programs(workspace: &Workspace) -> Result<Programs> {
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let build = |name: &str, more: &[&str]| -> Result<PathBuf> {
        let program = folder.join(name);
        let source = workspace
            .root
            .join("tests/bench")
            .join(name)
            .with_extension("c");
        let mut cc = workspace.command("cc");
        run(cc
            .args(["-O2", "-static"])
            .args(more)
            .arg("-o")
            .arg(&program)
            .arg(source))?;
        Ok(program)
    };
    Ok(Programs {
        storm: build("storm", &[])?,
        noop: build("noop", &["-nostdlib"])?,
    })
}

/// Exec and exit of a static no-op, by vfork, pinned to CPU 0; the agent runs where it likes.
fn storms(binary: &Path, programs: &Programs, sink: &Sink) -> Result<()> {
    let (mut ratios, mut costs, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    storm(programs)?;
    for _ in 0..ROUNDS {
        let without = storm(programs)?;
        let agent = Agent::start(binary, sink.port())?;
        let before = agent.cpu_micros()?;
        let with = storm(programs)?;
        agent.wait_until_read(2 * STORM)?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        costs.push((agent.cpu_micros()? - before) / STORM as f64);
        agent.stop()?;
        ratios.push(without / with);
        bare.push(without);
    }
    println!(
        "exec+exit rate with the agent / without: {:.3} (median of {ROUNDS} interleaved rounds of {STORM}, {:.1} us each without; spread {:.3}-{:.3})",
        median(&mut ratios),
        median(&mut bare) / 1000.0,
        ratios.first().copied().unwrap_or_default(),
        ratios.last().copied().unwrap_or_default(),
    );
    println!(
        "CPU of the agent per exec+exit pair: {:.1} us, user and system, two log records and a span sent as OTLP over HTTP",
        median(&mut costs)
    );
    Ok(())
}

/// Nanoseconds per process.
fn storm(programs: &Programs) -> Result<f64> {
    let mut command = Command::new(&programs.storm);
    let text = output(command.arg(STORM.to_string()).arg("0").arg(&programs.noop))?;
    text.trim().parse().context("storm printed no number")
}

/// Memory of the agent with many living processes.
fn resident(binary: &Path, programs: &Programs, sink: &Sink) -> Result<()> {
    let agent = Agent::start(binary, sink.port())?;
    let idle = agent.resident_mib()?;
    let mut living: Vec<Child> = Vec::with_capacity(LIVING);
    for i in 0..LIVING {
        let mut command = Command::new(&programs.noop);
        command.args(["wait", &i.to_string()]).stdin(Stdio::null());
        match command.spawn() {
            Ok(child) => living.push(child),
            Err(error) => {
                eprintln!("only {} processes could be started: {error}", living.len());
                break;
            }
        }
    }
    let read = agent.wait_until_read(living.len() as u64);
    println!(
        "resident memory of the agent: {idle:.1} MiB idle, {:.1} MiB with {} more living processes",
        agent.resident_mib()?,
        living.len()
    );
    for child in &mut living {
        // One that ended by itself is as good.
        drop(child.kill());
        drop(child.wait());
    }
    agent.stop()?;
    read
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What a figure is worth depends on it.
fn machine() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown CPU");
    let cpus = std::thread::available_parallelism()?;
    let kernel = output(Command::new("uname").arg("-r"))?;
    let date = output(Command::new("date").arg("-I"))?;
    Ok(format!(
        "{cpus} CPUs of {model}, Linux {}, {}",
        kernel.trim(),
        date.trim()
    ))
}
