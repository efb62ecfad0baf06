//! What the path of a cgroup says: the container, the systemd unit, the login session.
//!
//! Pure. A path is read as runtimes and systemd write it:
//!
//! - An id counts only in the frame that a runtime puts around it (`docker-ID.scope`, `/docker/ID`,
//!   `kubepods/.../podUID/ID`). A segment of 64 hex digits alone is somebody's name, not a
//!   container.
//! - Of containers in containers the innermost is meant: the pod in a node that is a container
//!   itself.
//! - Unit, session and user are the host's. They stand before anything that a container or a
//!   delegated subtree could name, as systemd itself finds them: the first segment that is no
//!   slice.
//!
//! Whoever may create cgroups in a subtree can imitate a frame there, as a user in their own
//! `user@UID.service`. This cannot be told apart from a rootless runtime; unit, session and user
//! are not affected.

#[cfg(test)]
mod tests;

/// What the path of a cgroup says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CgroupFacts {
    /// The innermost container.
    pub container: Option<Container>,
    /// The system's unit: a service, or a scope that is not a container. For processes of a user's
    /// own service manager this is `user@UID.service`.
    pub unit: Option<String>,
    /// The id of the login session, as `loginctl` lists it: `3`, `c1`.
    pub session: Option<String>,
    /// The user in whose slice it is.
    pub user: Option<u32>,
}

/// A container, as its runtime named it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Container {
    /// 64 hex digits in lower case; the name where a runtime has no ids (lxc, systemd-nspawn).
    pub id: String,
    /// `None` where the frame is Kubernetes' or ECS' own.
    pub runtime: Option<Runtime>,
    /// The uid of its Kubernetes pod.
    pub pod: Option<String>,
}

/// What runs containers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd, for Kubernetes or nerdctl.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// LXC, LXD, Incus.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

/// What runtimes put in front of an id in a scope, or in a directory of its own.
const PREFIXES: [(&str, Runtime); 6] = [
    ("docker", Runtime::Docker),
    ("cri-containerd", Runtime::Containerd),
    ("nerdctl", Runtime::Containerd),
    ("crio", Runtime::CriO),
    ("libpod", Runtime::Podman),
    ("libpod-payload", Runtime::Podman),
];

// === impl Runtime ===

impl Runtime {
    /// The value of `container.runtime.name`: a closed set.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
        }
    }
}

// === impl Container ===

impl Container {
    /// The value of `container.runtime.name`, if the frame tells.
    pub fn runtime_name(&self) -> Option<&'static str> {
        self.runtime.map(Runtime::name)
    }
}

/// Reads a path within a hierarchy, absolute, of cgroup v1 or v2. Any text is allowed; what is not
/// understood says nothing.
pub fn facts(path: &str) -> CgroupFacts {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let container = (0..segments.len())
        .rev()
        .find_map(|at| container(segments.get(..=at)?));
    let slices = segments
        .iter()
        .take_while(|segment| segment.ends_with(".slice"))
        .count();
    let user = segments.iter().take(slices).find_map(|slice| {
        slice
            .strip_prefix("user-")?
            .strip_suffix(".slice")?
            .parse::<u32>()
            .ok()
    });
    let unit = segments.get(slices).copied().and_then(unit);
    let session = unit
        .filter(|_| user.is_some())
        .and_then(|unit| unit.strip_prefix("session-")?.strip_suffix(".scope"))
        .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    CgroupFacts {
        container,
        unit: unit
            .filter(|unit| framed(unit).is_none())
            .map(str::to_owned),
        session: session.map(str::to_owned),
        user,
    }
}

/// The name of a unit that can hold processes. systemd puts `_` before names that the kernel
/// reserves.
fn unit(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('_').unwrap_or(segment);
    let (stem, _) = name
        .rsplit_once('.')
        .filter(|(_, kind)| matches!(*kind, "service" | "scope"))?;
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    (!stem.is_empty() && name.bytes().all(is_char)).then_some(name)
}

/// The container whose own cgroup a path of these segments is.
fn container(segments: &[&str]) -> Option<Container> {
    let (&last, above) = segments.split_last()?;
    let parent = above.last().copied();
    let named = |id: &str, runtime| {
        let id = Some(id).filter(|id| !id.is_empty())?.to_owned();
        Some(Container {
            id,
            runtime: Some(runtime),
            pod: None,
        })
    };
    if let Some((id, runtime)) = framed(last) {
        return Some(Container {
            id: id.to_owned(),
            runtime: Some(runtime),
            pod: pod(above, last),
        });
    }
    if let Some(name) = last.strip_prefix("lxc.payload.") {
        return named(name, Runtime::Lxc);
    }
    if let [.., "lxc" | "lxc.payload"] = above
        && above.len() == 1
    {
        return named(last, Runtime::Lxc);
    }
    if let Some(name) = last.strip_prefix("systemd-nspawn@")
        && parent == Some("machine.slice")
    {
        return named(&unescape(name.strip_suffix(".service")?), Runtime::Nspawn);
    }
    if !is_id(last) {
        return None;
    }
    let runtime = match parent? {
        "docker" => Some(Runtime::Docker),
        "k8s.io" => Some(Runtime::Containerd),
        _ if above.first() == Some(&"ecs") => None,
        _ => {
            pod(above, "")?;
            None
        }
    };
    Some(Container {
        id: last.to_owned(),
        runtime,
        pod: pod(above, ""),
    })
}

/// A segment that frames an id by itself: `docker-ID.scope`, `crio-ID`, and
/// `SLICE:cri-containerd:ID`, which is what becomes of a name for systemd when the runtime does
/// without systemd.
fn framed(segment: &str) -> Option<(&str, Runtime)> {
    let name = segment.strip_suffix(".scope").unwrap_or(segment);
    let (prefix, id) = match name.rsplit_once(':') {
        Some((left, id)) => (left.rsplit_once(':')?.1, id),
        None => name.rsplit_once('-')?,
    };
    let (_, runtime) = PREFIXES.iter().find(|(known, _)| *known == prefix)?;
    is_id(id).then_some((id, *runtime))
}

fn is_id(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The uid of the pod whose cgroup is directly above, or named in the same segment.
fn pod(above: &[&str], last: &str) -> Option<String> {
    let segment = match last.split_once(".slice:") {
        Some((slice, _)) => slice,
        None => above.last()?,
    };
    let is_kubernetes =
        segment.contains("kubepods") || above.iter().any(|segment| segment.contains("kubepods"));
    let name = segment.strip_suffix(".slice").unwrap_or(segment);
    let uid = name
        .strip_prefix("pod")
        .or_else(|| Some(name.rsplit_once("-pod")?.1))?;
    // systemd separates slices by hyphens, so kubelet writes those of the uid as underscores.
    let uid = uid.replace('_', "-");
    let is_uid = uid.len() >= 32
        && uid
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (is_kubernetes && is_uid).then_some(uid)
}

/// Undoes systemd's `\xNN`; what is not UTF-8 then stays as it was.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, escape)) = rest.split_once("\\x") {
        bytes.extend_from_slice(plain.as_bytes());
        let byte = escape
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, escape.get(2..)) {
            (Some(byte), Some(after)) => {
                bytes.push(byte);
                rest = after;
            }
            (Some(_) | None, _) => {
                bytes.extend_from_slice(b"\\x");
                rest = escape;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}
