use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

const HZ: NonZeroU64 = NonZeroU64::new(100).unwrap();
const PID: Pid = Pid(812);

/// A procfs with one process that was created 10.93 s after boot.
struct Proc(tempfile::TempDir);

impl Proc {
    fn new() -> Self {
        let proc = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(proc.dir().join("root")).unwrap();
        proc.write(
            "stat",
            &format!("812 (a (b) S 7{} 1093 1 1", " 0".repeat(17)),
        );
        proc.write("cmdline", "sh\0-c\0\0");
        proc.write("cgroup", "0::/system.slice/cron.service\n");
        proc.write("environ", "SECRET=1\0");
        proc
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("812")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir().join(name), text).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        symlink(target, self.dir().join(name)).unwrap();
    }

    fn describe(&self, start_ns: u64) -> Result<Description, ProcfsError> {
        describe(self.0.path(), PID, KernelTime(start_ns), HZ)
    }

    #[track_caller]
    fn executable(&self) -> (String, bool, bool) {
        let exe = self.describe(10_930_000_000).unwrap().executable.unwrap();
        (exe.path.to_string(), exe.is_deleted, exe.is_memfd)
    }
}

#[test]
fn a_process_is_described_by_its_files() {
    let proc = Proc::new();
    proc.link("exe", "/usr/bin/dash");
    proc.link("cwd", "/srv");
    let description = proc.describe(10_934_567_890).unwrap();
    assert_eq!(description.comm.as_str(), "a (b");
    assert_eq!(description.arguments, ["sh", "-c", ""].map(Text::from));
    assert!(!description.is_arguments_truncated);
    assert_eq!(description.working_directory, Some("/srv".into()));
    assert_eq!(
        description.cgroups[0].path.as_str(),
        "/system.slice/cron.service"
    );
    assert_eq!(proc.executable(), ("/usr/bin/dash".into(), false, false));
}

#[test]
fn another_process_with_the_pid_is_not_described() {
    let proc = Proc::new();
    for start in [10_920_000_000, 10_930_000_000, 10_949_999_999] {
        assert!(proc.describe(start).is_ok(), "{start}");
    }
    for start in [0, 10_919_999_999, 10_950_000_000, u64::MAX] {
        let reason = proc.describe(start).unwrap_err().reason();
        assert_eq!(reason, "reused", "{start}");
    }
    let gone = describe(proc.0.path(), Pid(1), KernelTime(0), HZ);
    assert_eq!(gone, Err(ProcfsError::Gone));
    proc.write("stat", "nonsense");
    assert_eq!(proc.describe(10_930_000_000), Err(ProcfsError::Malformed));
}

#[test]
fn a_pid_that_is_used_again_while_its_files_are_read_is_noticed() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let proc = Proc::new();
    let cmdline = proc.dir().join("cmdline");
    fs::remove_file(&cmdline).unwrap();
    mknodat(CWD, &cmdline, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Opens when the reader does: after it has looked at the start time.
            let pipe = File::options().write(true).open(&cmdline).unwrap();
            proc.write(
                "stat",
                &format!("812 (next) S 7{} 2000 1 1", " 0".repeat(17)),
            );
            drop(pipe);
        });
        proc.describe(10_930_000_000)
    });
    assert_eq!(
        result,
        Err(ProcfsError::Reused {
            found: 2000,
            expected: 1093
        })
    );
}

#[test]
fn a_kernel_thread_has_neither_program_nor_arguments() {
    let proc = Proc::new();
    proc.write("cmdline", "");
    let description = proc.describe(10_930_000_000).unwrap();
    assert_eq!(
        (description.executable, description.working_directory),
        (None, None)
    );
    assert_eq!(description.arguments, []);
}

#[test]
fn arguments_beyond_the_limit_are_said_to_be_cut() {
    let proc = Proc::new();
    proc.write("cmdline", &"x\0".repeat(40_000));
    let description = proc.describe(10_930_000_000).unwrap();
    assert!(description.is_arguments_truncated);
    assert_eq!(description.arguments.len(), 32_768);
}

#[test]
fn an_executable_that_was_deleted_is_told_from_one_that_is_called_so() {
    let proc = Proc::new();
    proc.link("exe", "/usr/bin/old (deleted)");
    assert_eq!(proc.executable(), ("/usr/bin/old".into(), true, false));

    // A file really called so, seen through the root directory of the process.
    let proc = Proc::new();
    let file = proc.0.path().join("odd (deleted)");
    fs::write(&file, "").unwrap();
    let inside = proc
        .dir()
        .join("root")
        .join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::hard_link(&file, inside).unwrap();
    proc.link("exe", &file);
    assert_eq!(
        proc.executable(),
        (file.to_str().unwrap().into(), false, false)
    );

    // The same name, but another file: the one that runs is gone.
    let proc = Proc::new();
    let file = proc.0.path().join("odd (deleted)");
    fs::write(&file, "").unwrap();
    let inside = proc
        .dir()
        .join("root")
        .join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::write(inside, "another").unwrap();
    proc.link("exe", &file);
    let unmarked = proc.0.path().join("odd");
    assert_eq!(
        proc.executable(),
        (unmarked.to_str().unwrap().into(), true, false)
    );
}

#[test]
fn a_memfd_is_its_name() {
    let proc = Proc::new();
    proc.link("exe", "/memfd:runc_cloned:/proc/self/exe (deleted)");
    assert_eq!(
        proc.executable(),
        ("memfd:runc_cloned:/proc/self/exe".into(), false, true)
    );
    let proc = Proc::new();
    proc.link("exe", "/memfd:plain");
    assert_eq!(proc.executable(), ("/memfd:plain".into(), false, false));
}

/// The process that runs the test, in the real `/proc`, which every Linux has.
#[test]
fn the_real_procfs_describes_this_process() {
    let root = Path::new("/proc");
    let stat = parse_stat(&read(&root.join("self/stat"), FILE_BYTES_MAX).unwrap()).unwrap();
    let start = KernelTime(stat.start_ticks * 10_000_000);
    let description = describe(root, Pid(std::process::id()), start, HZ).unwrap();
    let executable = description.executable.unwrap();
    let expected = fs::read_link("/proc/self/exe").unwrap();
    assert_eq!(executable.path.as_str(), expected.to_str().unwrap());
    assert!(!executable.is_deleted && !executable.is_memfd);
    assert_eq!(description.comm, stat.comm);
    assert!(!description.arguments.is_empty() && !description.cgroups.is_empty());
}
