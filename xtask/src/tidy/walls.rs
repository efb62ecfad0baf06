//! Which module of the agent may name what.
//!
//! The data flows one way, and each stage knows as little as it can: nobody but `kernel` knows how
//! a program is loaded, nobody but `export` knows gRPC. So every other stage runs in a test without
//! root, clock or network. Test code may name anything.

use super::Finding;
use super::source::{Line, Source, names_crate};

/// The sources of the agent.
pub(super) const ROOT: &str = "exporter/src/";

/// One wall.
struct Wall {
    /// What is looked for.
    what: &'static str,
    /// The ways it is written.
    names: &'static [Name],
    /// Who may: files, or folders if it ends with a slash; relative to [`ROOT`].
    only: &'static [&'static str],
    mend: &'static str,
}

/// How a name shows in a line.
enum Name {
    /// The name of a crate.
    Crate(&'static str),
    /// Anywhere in the code, strings included.
    Text(&'static str),
}

const WALLS: &[Wall] = &[
    Wall {
        what: "aya",
        names: &[Name::Crate("aya"), Name::Crate("aya_obj")],
        only: &["kernel.rs", "kernel/"],
        mend: "give `kernel` a function that does it; aya changes its API with every release",
    },
    Wall {
        what: "kintrace_probes",
        names: &[Name::Crate("kintrace_probes")],
        only: &["decode.rs", "decode/", "kernel.rs", "kernel/"],
        mend: "use what `decode` made of it; after `decode` nobody knows the ABI",
    },
    Wall {
        what: "opentelemetry_proto",
        names: &[Name::Crate("opentelemetry_proto")],
        only: &[
            "otlp.rs",
            "otlp/",
            "export.rs",
            "export/",
            "console.rs",
            "console/",
        ],
        mend: "pass an event; `otlp` turns it into messages",
    },
    Wall {
        what: "tonic",
        names: &[Name::Crate("tonic")],
        only: &["export.rs", "export/"],
        mend: "return a type of your own; only `export` knows gRPC",
    },
    Wall {
        what: "the environment",
        names: &[
            Name::Text("std::env"),
            Name::Text("env::var"),
            Name::Text("env::args"),
            Name::Text("env::current_dir"),
        ],
        only: &["config.rs", "config/", "cli.rs", "cli/", "main.rs"],
        mend: "make it a field of `Config` and pass the value",
    },
    Wall {
        what: "/proc",
        names: &[Name::Text("\"/proc/"), Name::Text("\"/proc\"")],
        only: &["enrich/procfs.rs", "enrich/procfs/"],
        mend: "ask `enrich::procfs`, whose root a test can move",
    },
    Wall {
        what: "the wall clock",
        names: &[Name::Text("SystemTime::now")],
        only: &["clock.rs"],
        mend: "take the time as an argument, from `clock`",
    },
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let Some(path) = source.path.strip_prefix(ROOT) else {
        return Vec::new();
    };
    let closed: Vec<_> = WALLS.iter().filter(|wall| !wall.lets(path)).collect();
    source.each_line(|line| {
        closed
            .iter()
            .filter(|wall| !line.test && wall.hit_by(line))
            .map(|wall| {
                let only = wall.only.join(", ");
                (
                    format!("`{}` is for {only} alone", wall.what),
                    wall.mend.to_owned(),
                )
            })
    })
}

// === impl Wall ===

impl Wall {
    fn lets(&self, path: &str) -> bool {
        self.only
            .iter()
            .any(|only| path == *only || only.ends_with('/') && path.starts_with(only))
    }

    fn hit_by(&self, line: &Line) -> bool {
        self.names.iter().any(|name| match name {
            Name::Crate(name) => names_crate(line.code(), name),
            Name::Text(text) => line.code().contains(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `line` may stand in the file `path`.
    fn may(path: &str, line: &str) -> bool {
        check(&Source::new(format!("{ROOT}{path}"), line)).is_empty()
    }

    #[test]
    fn each_wall_lets_in_its_own_and_nobody_else() {
        for (line, inside, outside) in [
            ("use aya::Ebpf;", "kernel/attach.rs", "decode.rs"),
            ("use aya_obj::Object;", "kernel.rs", "policy/plan.rs"),
            (
                "use kintrace_probes::abi;",
                "decode/strings.rs",
                "enrich.rs",
            ),
            (
                "use opentelemetry_proto::tonic;",
                "export/split.rs",
                "batch.rs",
            ),
            ("use opentelemetry_proto::x;", "otlp/value.rs", "event.rs"),
            ("use tonic::Status;", "export.rs", "otlp/logs.rs"),
            ("let x = std::env::var(\"A\");", "config/raw.rs", "spool.rs"),
            ("    env::args()", "main.rs", "pipeline.rs"),
            (
                "let root = \"/proc/self\";",
                "enrich/procfs/stat.rs",
                "enrich/users.rs",
            ),
            ("SystemTime::now()", "clock.rs", "batch.rs"),
        ] {
            assert!(may(inside, line), "{inside}: {line}");
            assert!(!may(outside, line), "{outside}: {line}");
        }
    }

    #[test]
    fn comments_and_tests_may_name_anything() {
        assert!(may("batch.rs", "// As tonic does."));
        assert!(may(
            "batch.rs",
            "#[cfg(test)]\nmod tests {\n    use tonic::Status;\n}"
        ));
        assert!(may("batch/tests.rs", "use tonic::Status;"));
    }

    #[test]
    fn a_longer_name_is_another_name() {
        assert!(may("batch.rs", "let tonic_water = 1;"));
        assert!(
            !may("kernel_like.rs", "use aya::Ebpf;"),
            "a prefix is not a folder"
        );
    }
}
