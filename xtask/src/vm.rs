//! Boots a kernel in qemu with the live tests as its init.
//!
//! No image and no disk: kernel and initramfs, and a serial console that goes to a log below
//! `.cache/vm`. Emulated (TCG) on purpose: KVM is missing or broken on most machines that run CI,
//! and a boot takes seconds anyway. There is no network card; the guest has its loopback.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cpio::Archive;
use crate::deps;
use crate::kernels::{self, Image, Kernel};
use crate::live::{self, Verdict};
use crate::workspace::Workspace;

/// Which machines, and what runs in them.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// 5.10, 6.1, 6.12, newest; all if none is named.
    kernels: Vec<Kernel>,
    /// Show the console.
    #[arg(short, long)]
    verbose: bool,
    /// Longest a machine may run, in seconds.
    #[arg(long, default_value_t = DEADLINE.as_secs())]
    deadline: u64,
    /// Boot this static program instead of the live tests.
    #[arg(long)]
    init: Option<PathBuf>,
    /// Only the cases whose name contains this.
    #[arg(last = true)]
    filter: Option<String>,
}

/// How a machine is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) deadline: Duration,
    pub(crate) filter: Option<&'a str>,
    /// Whether the console is repeated on standard error.
    pub(crate) console: Console,
}

/// Where the console of a machine is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Console {
    /// In the log only.
    Log,
    /// And on standard error.
    Shown,
}

/// A boot and all live tests take well under two minutes on two busy cores.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// One thread for both processors.
///
/// With more, a processor of qemu before 8.1 (Debian 12 has 7.2) may run a stale translation of
/// code that another one patches, and the kernel patches itself whenever a program is attached.
/// Seen as "Oops: int3" in 4 of 36 boots of Linux 7.3, and in none of 33 with one thread, which
/// take a second longer. Explained in <https://github.com/multipath-tcp/mptcp_net-next/issues/471>.
const ACCELERATOR: &str = "tcg,thread=single";

/// `cargo xtask vm`.
pub(crate) fn run(workspace: &Workspace, selection: &Selection) -> Result<()> {
    let Selection {
        kernels,
        verbose,
        deadline,
        init,
        filter,
    } = selection;
    deps::ensure(deps::Set::Test)?;
    let init = init.clone().map_or_else(|| live::build(workspace), Ok)?;
    let images = kernels::fetch(workspace, &kernels::all_if_empty(kernels.clone()))?;
    let options = Options {
        deadline: Duration::from_secs(*deadline),
        filter: filter.as_deref(),
        console: if *verbose {
            Console::Shown
        } else {
            Console::Log
        },
    };
    let mut failed = 0;
    for image in &images {
        let start = Instant::now();
        let outcome = boot(workspace, image, &init, options);
        let seconds = start.elapsed().as_secs_f32();
        let Image {
            kernel, version, ..
        } = image;
        match outcome {
            Ok(verdict) => println!("{} ({version}) {verdict} in {seconds:.1} s", kernel.name()),
            Err(error) => {
                failed += 1;
                println!(
                    "{} ({version}) FAILED in {seconds:.1} s: {error:#}",
                    kernel.name()
                );
            }
        }
    }
    ensure!(failed == 0, "{failed} of {} kernels failed", images.len());
    Ok(())
}

/// Boots `image` with `init`, and waits for the verdict.
///
/// # Errors
///
/// The verdict is bad, or there is none until the machine stops or `deadline` has passed; the
/// message holds the end of the console.
pub(crate) fn boot(
    workspace: &Workspace,
    image: &Image,
    init: &Path,
    options: Options<'_>,
) -> Result<Verdict> {
    let folder = workspace.cache.join("vm");
    fs::create_dir_all(&folder)?;
    let name = image.kernel.name();
    let initramfs = folder.join(format!("{name}.cpio"));
    write_initramfs(&initramfs, init)?;
    let log = folder.join(format!("{name}.log"));
    let mut log_file = File::create(&log)?;

    let mut machine = qemu(&image.vmlinuz, &initramfs, options.filter)?
        .spawn()
        .context("start qemu-system-x86_64")?;
    let console = machine.stdout.take().context("standard output was piped")?;
    let reader = thread::spawn(move || {
        live::read_verdict(console, |line| {
            // The console is for people; a full disk must not look like a failed kernel.
            log_file.write_all(line.as_bytes()).ok();
            if options.console == Console::Shown {
                eprint!("{line}");
            }
        })
    });
    let in_time = wait(&mut machine, options.deadline)?;
    fs::remove_file(&initramfs)?;
    let verdict = match reader.join() {
        Ok(verdict) => verdict?,
        Err(_) => bail!("the reader of the console panicked"),
    };

    let ended = if in_time {
        "it stopped"
    } else {
        "its deadline passed"
    };
    verdict
        .with_context(|| format!("no verdict when {ended}"))
        .and_then(Verdict::check)
        .with_context(|| format!("{}\n{}", log.display(), tail(&log)))
}

/// The kernel's command line, then qemu's.
fn qemu(vmlinuz: &Path, initramfs: &Path, filter: Option<&str>) -> Result<Command> {
    // bpf is not among the security modules of Debian's default list.
    let mut append =
        "console=ttyS0 quiet panic=-1 lsm=landlock,lockdown,yama,integrity,bpf".to_owned();
    if let Some(filter) = filter {
        ensure!(
            !filter.contains(char::is_whitespace),
            "no spaces in a filter: {filter:?}"
        );
        append.push_str(" kintrace.filter=");
        append.push_str(filter);
    }
    // setpriv takes the machine down with us, however we end.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    command
        .args(["-accel", ACCELERATOR, "-cpu", "max", "-smp", "2"])
        .args(["-m", "2G"]);
    command.args(["-nographic", "-no-reboot", "-nic", "none"]);
    command
        .arg("-kernel")
        .arg(vmlinuz)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(append);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

fn write_initramfs(path: &Path, init: &Path) -> Result<()> {
    let init = fs::read(init).with_context(|| format!("read {}", init.display()))?;
    let mut archive = Archive::new(File::create(path)?);
    for folder in ["dev", "proc", "sys", "tmp"] {
        archive.folder(folder)?;
    }
    // The kernel opens it for init before anything can be mounted.
    archive.device("dev/console", 5, 1)?;
    archive.program("init", &init)?;
    archive.finish()?;
    Ok(())
}

/// Waits for `machine` to stop; ends it after `deadline` and then says false.
fn wait(machine: &mut Child, deadline: Duration) -> Result<bool> {
    let start = Instant::now();
    while machine.try_wait()?.is_none() {
        if start.elapsed() > deadline {
            machine.kill()?;
            machine.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    const LINES: usize = 40;
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(LINES)..)
        .unwrap_or_default();
    last.iter().map(|line| format!("    {line}\n")).collect()
}
