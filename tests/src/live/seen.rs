//! A process as the kernel shows it in `/proc`: what a record of it must say.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kintrace_semconv::attribute as name;

use super::checks::Checks;

/// Attribute and file of each namespace.
const NAMESPACES: [(&str, &str); 8] = [
    (name::KINTRACE_PROCESS_NAMESPACE_UTS, "uts"),
    (name::KINTRACE_PROCESS_NAMESPACE_IPC, "ipc"),
    (name::KINTRACE_PROCESS_NAMESPACE_MNT, "mnt"),
    (name::KINTRACE_PROCESS_NAMESPACE_PID, "pid"),
    (name::KINTRACE_PROCESS_NAMESPACE_NET, "net"),
    (name::KINTRACE_PROCESS_NAMESPACE_TIME, "time"),
    (name::KINTRACE_PROCESS_NAMESPACE_CGROUP, "cgroup"),
    (name::KINTRACE_PROCESS_NAMESPACE_USER, "user"),
];

/// Attribute and word in `/proc/PID/status` of each set of capabilities.
const CAPABILITIES: [(&str, &str); 5] = [
    (name::KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE, "CapEff"),
    (name::KINTRACE_PROCESS_CAPABILITIES_PERMITTED, "CapPrm"),
    (name::KINTRACE_PROCESS_CAPABILITIES_INHERITABLE, "CapInh"),
    (name::KINTRACE_PROCESS_CAPABILITIES_BOUNDING, "CapBnd"),
    (name::KINTRACE_PROCESS_CAPABILITIES_AMBIENT, "CapAmb"),
];

/// A process that holds still.
pub(super) struct Seen {
    folder: PathBuf,
    stat: Vec<String>,
    status: String,
}

// === impl Seen ===

impl Seen {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(folder.join("stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // The name may have spaces and brackets; it ends with the last one.
        let (_, stat) = stat.rsplit_once(") ").context("stat has no name")?;
        Ok(Self {
            stat: stat.split_whitespace().map(str::to_owned).collect(),
            status: fs::read_to_string(folder.join("status"))?,
            folder,
        })
    }

    pub(super) fn parent(&self) -> u64 {
        self.stat(4)
    }

    /// The path of what it runs; `None` where nobody may look.
    pub(super) fn executable(&self) -> Option<String> {
        let path = fs::read_link(self.folder.join("exe")).ok()?;
        let path = path.to_string_lossy();
        // What has no name is shown as if it had one and had lost it.
        let memory = path
            .strip_prefix("/memfd:")
            .and_then(|name| name.strip_suffix(" (deleted)"));
        Some(match memory {
            Some(name) => format!("memfd:{name}"),
            None => path.into_owned(),
        })
    }

    /// The kernel's short name.
    pub(super) fn comm(&self) -> &str {
        self.status("Name").first().copied().unwrap_or_default()
    }

    /// The inode number of a namespace, by its file's name; `None` where the kernel has none.
    pub(super) fn namespace(&self, file: &str) -> Option<u64> {
        let link = fs::read_link(self.folder.join("ns").join(file)).ok()?;
        let link = link.to_string_lossy();
        link.split_once('[')?.1.strip_suffix(']')?.parse().ok()
    }

    /// Its cgroup in the hierarchy that tells processes apart on this host.
    pub(super) fn cgroup(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("cgroup")).ok()?;
        let of = |controller: &str| {
            text.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                let is_it = controllers.split(',').any(|name| name == controller);
                is_it.then(|| path.to_owned())
            })
        };
        let is_unified = Path::new("/sys/fs/cgroup/cgroup.procs").exists();
        let order: &[&str] = if is_unified {
            &[""]
        } else {
            &["memory", "pids", "cpuset", ""]
        };
        order.iter().find_map(|controller| of(controller))
    }

    /// Who it is, where, and in which state, compared with the record of its exec.
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        let pid = self.status("Tgid");
        let number = |text: &str| text.parse::<u64>().ok();
        checks.optional(name::PROCESS_PID, pid.first().and_then(|pid| number(pid)));
        let numbers = self.status("NStgid");
        checks.optional(
            name::PROCESS_VPID,
            numbers.last().and_then(|pid| number(pid)),
        );
        checks
            .equal(name::PROCESS_PARENT_PID, self.parent())
            .equal(name::PROCESS_GROUP_LEADER_PID, self.stat(5))
            .equal(name::PROCESS_SESSION_LEADER_PID, self.stat(6))
            .equal(name::PROCESS_INTERACTIVE, self.stat(7) != 0)
            .equal(name::KINTRACE_PROCESS_COMM, self.comm());
        self.check_creation(checks);
        self.check_credentials(checks);
        for (key, file) in NAMESPACES {
            checks.optional(key, self.namespace(file));
        }
        checks.optional(name::PROCESS_LINUX_CGROUP, self.cgroup());
        let folder = fs::read_link(self.folder.join("cwd")).ok();
        let folder = folder.map(|folder| folder.to_string_lossy().into_owned());
        checks.optional(name::PROCESS_WORKING_DIRECTORY, folder);
        checks.optional(name::PROCESS_EXECUTABLE_PATH, self.executable());
        let args = fs::read(self.folder.join("cmdline")).unwrap_or_default();
        let size = args.len() as u64;
        let args = args.strip_suffix(b"\0").unwrap_or(&args);
        let args: Vec<_> = args
            .split(|byte| *byte == 0)
            .map(String::from_utf8_lossy)
            .collect();
        checks
            .equal(name::PROCESS_ARGS_COUNT, args.len() as u64)
            .equal(name::KINTRACE_PROCESS_ARGS_SIZE, size)
            .equal(
                name::PROCESS_COMMAND_ARGS,
                args.into_iter().map(String::from).collect::<Vec<_>>(),
            );
    }

    /// Inode, device and mode of its file.
    pub(super) fn check_file(&self, checks: &mut Checks<'_>) -> Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let file = fs::metadata(self.folder.join("exe"))?;
        let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
        checks
            .equal(name::KINTRACE_PROCESS_EXECUTABLE_INODE, file.ino())
            .equal(
                name::KINTRACE_PROCESS_EXECUTABLE_DEVICE,
                format!("{major}:{minor}"),
            )
            .equal(
                name::KINTRACE_PROCESS_EXECUTABLE_MODE,
                format!("{:06o}", file.mode()),
            );
        Ok(())
    }

    /// The kernel shows the time of creation in ticks of 10 ms.
    fn check_creation(&self, checks: &mut Checks<'_>) {
        let ticks = self.stat(22);
        checks.record_uint(name::KINTRACE_PROCESS_CREATION_BOOTTIME, "in ticks", |ns| {
            ns / 10_000_000 == ticks
        });
    }

    fn check_credentials(&self, checks: &mut Checks<'_>) {
        let ids = |word: &str| -> Vec<u64> {
            self.status(word)
                .iter()
                .filter_map(|id| id.parse().ok())
                .collect()
        };
        let users = [
            name::PROCESS_REAL_USER_ID,
            name::PROCESS_USER_ID,
            name::PROCESS_SAVED_USER_ID,
        ];
        let groups = [
            name::KINTRACE_PROCESS_REAL_GROUP_ID,
            name::KINTRACE_PROCESS_GROUP_ID,
            name::KINTRACE_PROCESS_SAVED_GROUP_ID,
        ];
        for (key, id) in users
            .iter()
            .zip(ids("Uid"))
            .chain(groups.iter().zip(ids("Gid")))
        {
            checks.equal(key, id);
        }
        for (key, word) in CAPABILITIES {
            checks.equal(key, self.status(word).concat());
        }
        let audit = |file: &str| {
            let text = fs::read_to_string(self.folder.join(file)).ok()?;
            text.trim()
                .parse::<u64>()
                .ok()
                .filter(|id| *id != u64::from(u32::MAX))
        };
        checks
            .optional(name::KINTRACE_PROCESS_LOGIN_USER_ID, audit("loginuid"))
            .optional(name::KINTRACE_PROCESS_AUDIT_SESSION_ID, audit("sessionid"));
    }

    /// A field of `/proc/PID/stat`, numbered as proc(5) does.
    fn stat(&self, field: usize) -> u64 {
        let field = field.checked_sub(3).and_then(|at| self.stat.get(at));
        field
            .and_then(|field| field.parse().ok())
            .unwrap_or(u64::MAX)
    }

    fn status(&self, word: &str) -> Vec<&str> {
        let line = self
            .status
            .lines()
            .find_map(|line| line.strip_prefix(word)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect()
    }
}

/// The last component of a path.
pub(super) fn base_name(path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}
