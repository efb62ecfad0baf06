//! What the files of a process mean. Pure.

use crate::event::{Pid, Text};

/// What is used of `/proc/PID/stat`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stat {
    /// The kernel's short name of it; may hold any byte but NUL.
    pub comm: Text,
    /// The current parent.
    pub parent: Pid,
    /// When it was created, clock ticks since boot.
    pub start_ticks: u64,
}

/// A line of `/proc/PID/cgroup`: where a process is in one hierarchy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CgroupEntry {
    /// The controllers of a v1 hierarchy, or `name=systemd` for one without; empty for v2.
    pub controllers: Vec<String>,
    /// Path within the hierarchy, as seen from the cgroup namespace of the reader.
    pub path: Text,
}

// === impl CgroupEntry ===

impl CgroupEntry {
    /// Whether it is of the hierarchy with this controller; an empty name means cgroup v2.
    pub fn has_controller(&self, name: &str) -> bool {
        if name.is_empty() {
            self.is_unified()
        } else {
            self.controllers.iter().any(|other| other == name)
        }
    }

    /// Whether it is of the one hierarchy of cgroup v2.
    pub fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }
}

/// Reads `stat`: `PID (COMM) STATE PPID ...`, start time in field 22. COMM may hold spaces and
/// parentheses, but no field behind it does. `None` if it is something else.
pub fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let open = stat.iter().position(|&byte| byte == b'(')?;
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    let comm = stat.get(open.checked_add(1)?..close)?;
    let rest = std::str::from_utf8(stat.get(close..)?.get(1..)?).ok()?;
    // Field 3 is the first one behind the name.
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start_ticks = fields.nth(22 - 5)?.parse().ok()?;
    Some(Stat {
        comm: Text::from_bytes(comm),
        parent: Pid(parent),
        start_ticks,
    })
}

/// Splits `cmdline`: each argument ends in NUL, the last one only if the process left it so.
/// Nothing: no arguments. Empty arguments are kept.
pub fn parse_cmdline(cmdline: &[u8]) -> Vec<Text> {
    if cmdline.is_empty() {
        return Vec::new();
    }
    let ended = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    ended
        .split(|&byte| byte == 0)
        .map(Text::from_bytes)
        .collect()
}

/// Reads `cgroup`: lines of `ID:CONTROLLERS:PATH`. Other lines are passed over.
///
/// The mark ` (deleted)` of a cgroup that was removed around a process that is ending is cut off.
pub fn parse_cgroups(cgroups: &[u8]) -> Vec<CgroupEntry> {
    cgroups
        .split(|&byte| byte == b'\n')
        .filter_map(parse_cgroup)
        .collect()
}

fn parse_cgroup(line: &[u8]) -> Option<CgroupEntry> {
    let mut parts = line.splitn(3, |&byte| byte == b':');
    let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    if id.is_empty() || !id.iter().all(u8::is_ascii_digit) || !path.starts_with(b"/") {
        return None;
    }
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let controllers = std::str::from_utf8(controllers).ok()?;
    Some(CgroupEntry {
        controllers: controllers
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        path: Text::from_bytes(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(comm: &str) -> String {
        format!(
            "812 ({comm}) S 1 812 812 0 -1 4194560 2131 0 44 0 10 7 0 0 20 0 1 0 1093 15482880 1802 \
             18446744073709551615 1 1 0 0 0 0 0 4096 81923 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        for comm in ["sshd", "tmux: server", "a) S 1 (b", "((", "))", "", "x\ny"] {
            let stat = parse_stat(stat(comm).as_bytes()).unwrap();
            assert_eq!(stat.comm.as_str(), comm);
            assert_eq!((stat.parent, stat.start_ticks), (Pid(1), 1093));
        }
        let stat = parse_stat(&[b"1 (\xff) S 0".to_vec(), b" 1".repeat(20)].concat()).unwrap();
        assert!(stat.comm.was_escaped());
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        let full = stat("sh");
        let short = &full[..full.find(" 1093").unwrap()];
        let negative = full.replace(" 1093 ", " -1093 ");
        for bytes in [
            "", "(", ")", ")(", "1 (a", "1 a)", "1 (a)", "1 (a) S", short, &negative,
        ] {
            assert_eq!(parse_stat(bytes.as_bytes()), None, "{bytes}");
        }
    }

    #[test]
    fn arguments_are_split_exactly() {
        let args = |bytes: &[u8]| -> Vec<String> {
            parse_cmdline(bytes)
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(args(b""), [""; 0]);
        assert_eq!(args(b"\0"), [""]);
        assert_eq!(args(b"a\0\0b\0\0"), ["a", "", "b", ""]);
        assert_eq!(args(b"nginx: master process"), ["nginx: master process"]);
        assert_eq!(args(b"printf\0%s\n\0\xff\0"), ["printf", "%s\n", "\\xff"]);
    }

    #[test]
    fn cgroups_of_both_versions_are_read() {
        let text = b"12:cpu,cpuacct:/user.slice\n1:name=systemd:/a:b/c\n0::/init.scope\n";
        let cgroups = parse_cgroups(text);
        let [cpu, systemd, unified] = cgroups.as_slice() else {
            panic!("{cgroups:?}")
        };
        assert_eq!(
            (cpu.controllers.join("+"), cpu.path.as_str()),
            ("cpu+cpuacct".into(), "/user.slice")
        );
        assert_eq!(
            (systemd.controllers.join("+"), systemd.path.as_str()),
            ("name=systemd".into(), "/a:b/c")
        );
        assert_eq!(
            (unified.is_unified(), unified.path.as_str()),
            (true, "/init.scope")
        );
        assert_eq!(
            parse_cgroups(b"0::/gone (deleted)\n")[0].path.as_str(),
            "/gone"
        );
        assert_eq!(
            parse_cgroups(b"\n:\n::\n0:\nx::/a\n0::relative\n0:\xff:/a\n::/a"),
            []
        );
    }
}
