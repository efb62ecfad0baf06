//! What this kernel offers, found out before anything is loaded, and what `kintrace probe` prints.

use std::fs;
use std::path::Path;

use aya::programs::{BtfTracePoint, Iter, ProgramType};
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported};
use aya::{Btf, EbpfLoader};
use rustix::system::uname;
use rustix::thread::{CapabilitySet, capabilities};
use serde::Serialize;

use super::{LoadError, TRACEPOINTS, cgroups, program};

const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
const SECURITYFS: &str = "/sys/kernel/security";
const OLDEST: (u32, u32) = (5, 10);

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Feature {
    /// What it is.
    pub feature: &'static str,
    /// Whether it is there.
    pub available: bool,
    /// Whether kintrace can work without it.
    pub required: bool,
    /// What was found, or why it is not there.
    pub detail: String,
    /// What it is for.
    pub why: &'static str,
}

/// What [`probe`] found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// As `uname -r` says.
    pub kernel: String,
    /// The table.
    pub features: Vec<Feature>,
}

impl Report {
    /// Whether `kintrace run` can work here.
    pub fn is_sufficient(&self) -> bool {
        self.features
            .iter()
            .all(|feature| feature.available || !feature.required)
    }
}

/// The conditions without which nothing can be loaded, in the order in which an operator meets them.
///
/// # Errors
///
/// The [`LoadError`] that says what to do.
pub fn require_basics() -> Result<(), LoadError> {
    if kintrace_probes::PROCESS.is_empty() {
        return Err(LoadError::NoPrograms);
    }
    let release = release();
    if version(&release).is_some_and(|version| version < OLDEST) {
        return Err(LoadError::OldKernel { release });
    }
    if !Path::new(BTF_PATH).exists() {
        return Err(LoadError::NoBtf);
    }
    if !has_privilege() {
        return Err(LoadError::Privilege);
    }
    if lockdown() == Some("confidentiality") {
        return Err(LoadError::Lockdown);
    }
    Ok(())
}

/// Tries everything out. Loads programs and detaches them again; attaches nothing.
pub fn probe() -> Report {
    let release = release();
    let mut features = basics(&release);
    features.extend(lifecycle());
    features.extend(optional());
    Report {
        kernel: release,
        features,
    }
}

fn basics(release: &str) -> Vec<Feature> {
    let is_new = version(release).is_none_or(|version| version >= OLDEST);
    let mode = lockdown();
    let has_btf = Path::new(BTF_PATH).exists();
    vec![
        Feature {
            feature: "kernel 5.10 or newer",
            available: is_new,
            required: true,
            detail: release.to_owned(),
            why: "ring buffer, BTF tracepoints and task iterator in one kernel",
        },
        Feature {
            feature: "type information (BTF)",
            available: has_btf,
            required: true,
            detail: if has_btf {
                BTF_PATH.to_owned()
            } else {
                format!("{BTF_PATH} is missing")
            },
            why: "the same programs run on every kernel",
        },
        Feature {
            feature: "privilege",
            available: has_privilege(),
            required: true,
            detail: privilege_detail(),
            why: "CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN) load programs",
        },
        Feature {
            feature: "reading kernel memory",
            available: mode != Some("confidentiality"),
            required: true,
            detail: format!(
                "lockdown: {}",
                mode.unwrap_or("not built in or not mounted")
            ),
            why: "programs follow pointers of the kernel",
        },
        verdict(
            "ring buffer",
            true,
            is_map_supported(aya::maps::MapType::RingBuf).map_err(|error| error.to_string()),
            "one ordered stream of events over all CPUs",
        ),
    ]
}

/// The programs themselves, loaded for real: nothing else tells for sure.
fn lifecycle() -> Vec<Feature> {
    const PROCESS: &str = "process creation, exec and end";
    const SNAPSHOT: &str = "task iterator";
    let refused = |error: String| {
        vec![
            verdict(
                PROCESS,
                true,
                Err(error.clone()),
                "the lifecycle of every process",
            ),
            verdict(SNAPSHOT, true, Err(error), "processes older than the agent"),
        ]
    };
    let btf = match Btf::from_sys_fs() {
        Ok(btf) => btf,
        Err(error) => return refused(error.to_string()),
    };
    let mut ebpf = match EbpfLoader::new()
        .btf(Some(&btf))
        .load(kintrace_probes::PROCESS)
    {
        Ok(ebpf) => ebpf,
        Err(error) => return refused(error.to_string()),
    };
    let tracepoints = TRACEPOINTS.iter().try_for_each(|(name, tracepoint)| {
        let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
        program
            .load(tracepoint, &btf)
            .map_err(|source| LoadError::program(name, source))
    });
    let iterator = program::<Iter>(&mut ebpf, "snapshot_task").and_then(|iter| {
        iter.load("task", &btf)
            .map_err(|source| LoadError::program("snapshot_task", source))
    });
    vec![
        verdict(
            PROCESS,
            true,
            loaded(tracepoints),
            "the lifecycle of every process",
        ),
        verdict(
            SNAPSHOT,
            true,
            loaded(iterator),
            "processes older than the agent",
        ),
    ]
}

fn optional() -> Vec<Feature> {
    let source = cgroups::source();
    let lsm = fs::read_to_string(format!("{SECURITYFS}/lsm")).ok();
    let has_bpf_lsm = lsm
        .as_ref()
        .is_some_and(|list| list.trim().split(',').any(|name| name == "bpf"));
    let source_exists = |name: &str| {
        let path = format!("/sys/bus/event_source/devices/{name}");
        if Path::new(&path).exists() {
            Ok(true)
        } else {
            Err(format!("{path} is missing"))
        }
    };
    vec![
        Feature {
            feature: "cgroup hierarchy",
            available: true,
            required: false,
            detail: source.name().to_owned(),
            why: "containers, units and sessions of processes",
        },
        verdict(
            "trampolines (fentry, fexit)",
            false,
            is_program_supported(ProgramType::Tracing).map_err(|error| error.to_string()),
            "cheap hooks on kernel functions, for policies",
        ),
        Feature {
            feature: "BPF LSM",
            available: has_bpf_lsm,
            required: false,
            detail: lsm.map_or_else(
                || format!("{SECURITYFS}/lsm cannot be read (mount -t securityfs securityfs {SECURITYFS})"),
                |list| format!("lsm={}", list.trim()),
            ),
            why: "denying an operation before it happens, for policies",
        },
        verdict("kprobes", false, source_exists("kprobe"), "hooks on any kernel function, for policies"),
        verdict("uprobes", false, source_exists("uprobe"), "hooks on user space functions, for policies"),
        verdict(
            "bpf_loop",
            false,
            is_helper_supported(ProgramType::TracePoint, BpfHelper::BPF_FUNC_loop)
                .map_err(|error| error.to_string()),
            "long loops that verify fast, for policies",
        ),
    ]
}

fn loaded(result: Result<(), LoadError>) -> Result<bool, String> {
    result.map(|()| true).map_err(|error| chain(&error))
}

fn verdict(
    feature: &'static str,
    required: bool,
    result: Result<bool, String>,
    why: &'static str,
) -> Feature {
    let (available, detail) = match result {
        Ok(true) => (true, "works".to_owned()),
        Ok(false) => (false, "not supported by this kernel".to_owned()),
        Err(error) => (false, error),
    };
    Feature {
        feature,
        available,
        required,
        detail,
        why,
    }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn release() -> String {
    uname().release().to_string_lossy().into_owned()
}

/// Major and minor of `6.1.0-32-cloud-amd64`; `None` if it is none we can read.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn has_privilege() -> bool {
    capabilities(None).is_ok_and(|sets| {
        sets.effective.contains(CapabilitySet::SYS_ADMIN)
            || sets
                .effective
                .contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
    })
}

fn privilege_detail() -> String {
    match capabilities(None) {
        Ok(sets) if sets.effective.contains(CapabilitySet::SYS_ADMIN) => "CAP_SYS_ADMIN".to_owned(),
        Ok(sets) => format!(
            "CAP_BPF: {}, CAP_PERFMON: {}",
            yes(sets.effective.contains(CapabilitySet::BPF)),
            yes(sets.effective.contains(CapabilitySet::PERFMON)),
        ),
        Err(error) => error.to_string(),
    }
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The active mode, if lockdown is built in and securityfs is mounted.
fn lockdown() -> Option<&'static str> {
    let text = fs::read_to_string(format!("{SECURITYFS}/lockdown")).ok()?;
    active_lockdown(&text)
}

/// The word in brackets of `none [integrity] confidentiality`.
fn active_lockdown(text: &str) -> Option<&'static str> {
    ["none", "integrity", "confidentiality"]
        .into_iter()
        .find(|mode| text.contains(&format!("[{mode}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_are_read() {
        assert_eq!(version("6.1.0-32-cloud-amd64"), Some((6, 1)));
        assert_eq!(version("5.10.0"), Some((5, 10)));
        assert_eq!(version("6.18-rc1+"), Some((6, 18)));
        assert_eq!(version("custom"), None);
    }

    #[test]
    fn the_lockdown_mode_is_the_one_in_brackets() {
        assert_eq!(
            active_lockdown("none integrity [confidentiality]\n"),
            Some("confidentiality")
        );
        assert_eq!(
            active_lockdown("[none] integrity confidentiality\n"),
            Some("none")
        );
        assert_eq!(active_lockdown(""), None);
    }
}
