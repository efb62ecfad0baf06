//! The table of all cases, in the order in which they run.

mod alone;
mod args;
mod credentials;
mod environment;
mod executable;
mod exit;
mod family;
mod files;
mod lineage;
mod loss;
mod namespaces;
mod stop;
mod threads;

use super::agent::Output;
use super::groups::{Alone, Group};

/// Groups, each with an agent of its own.
pub(super) const GROUPS: &[Group] = &[
    Group {
        config: r#"
probes: { environment: [KT_WANTED] }
metrics: { listen: "127.0.0.1:0" }
"#,
        output: Output::File,
        cases: &[
            lineage::CASES,
            family::CASES,
            threads::CASES,
            args::CASES,
            executable::CASES,
            files::CASES,
            credentials::CASES,
            namespaces::CASES,
            environment::CASES,
            exit::CASES,
            loss::STORM,
        ],
        endings: stop::ENDINGS,
    },
    Group {
        config: r#"
probes: { args_limit: 1MiB }
process_table: { ancestor_depth: 2 }
metrics: { listen: "" }
"#,
        output: Output::Pipe,
        cases: &[args::LONG, lineage::SHALLOW, stop::CLOSED],
        endings: &[],
    },
    Group {
        config: r#"
probes: { ring_size: 64KiB, wakeup_bytes: 32KiB }
process_table: { ancestor_depth: 2 }
metrics: { listen: "127.0.0.1:0" }
"#,
        output: Output::File,
        cases: &[loss::FORCED],
        endings: stop::LOSSY,
    },
];

/// Cases without a running agent.
pub(super) const ALONE: &[Alone] = alone::CASES;
