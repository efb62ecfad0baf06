//! The rules of the house that no compiler knows, as a table.
//!
//! A rule looks at one file and says what is wrong, where, and what to do about it. Which files a
//! rule applies to is part of the rule. The walls between the modules of the agent are in
//! [`walls`].

mod source;
mod walls;

use std::fmt;

use anyhow::{Result, bail};

use self::source::Source;
use crate::workspace::Workspace;

/// Something that is against a rule.
#[derive(Debug, Eq, PartialEq)]
struct Finding {
    /// Counted from one.
    line: usize,
    /// What is wrong.
    what: String,
    /// What to do.
    mend: String,
}

/// One rule.
struct Rule {
    /// Whether it applies to the file with this path, relative to the root.
    applies: fn(&str) -> bool,
    check: fn(&Source) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule {
        // What `foo/tests.rs` is, its name says.
        applies: |path| is_rust(path) && !path.ends_with("/tests.rs"),
        check: module_doc,
    },
    Rule {
        applies: |_| true,
        check: promises,
    },
    Rule {
        applies: |_| true,
        check: ascii,
    },
    Rule {
        applies: |path| is_rust(path) || is_c(path),
        check: budget,
    },
    Rule {
        applies: |path| path.starts_with(walls::ROOT) && is_rust(path),
        check: walls::check,
    },
];

/// Where sources are.
const FOLDERS: &[&str] = &[
    "exporter/src",
    "exporter/tests",
    "exporter/benches",
    "probes/src",
    "probes/bpf",
    "probes/tests",
    "semconv/src",
    "semconv/tests",
    "tests/src",
    "tests/tests",
    "tests/components",
    "xtask/src",
];

const EXTENSIONS: &[&str] = &["rs", "c", "h", "go"];

/// Most lines of one file: one subject, read in one sitting.
const BUDGET: usize = 400;

/// Opens the first line of a file that has a reason to be longer.
const LONG: &str = "// tidy: long: ";

/// What we do not write, and what to write instead. Split, so that this file may hold them.
const PROMISES: &[(&str, &str)] = &[
    (
        concat!("TO", "DO"),
        "do it, or open an issue and say what is true today",
    ),
    (
        concat!("FIX", "ME"),
        "fix it, or open an issue and say what is true today",
    ),
    (concat!("XX", "X"), "say what the reader has to know"),
    (
        concat!("keep in", " sync"),
        "write the test that fails when they differ",
    ),
    (
        concat!("kept in", " sync"),
        "write the test that fails when they differ",
    ),
];

/// Checks every source, and says how many there were.
///
/// # Errors
///
/// A rule is broken; the message lists all findings, one a line.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let mut report = String::new();
    let mut files = 0;
    for folder in FOLDERS {
        for path in workspace.files(folder, EXTENSIONS)? {
            let relative = path
                .strip_prefix(&workspace.root)?
                .to_string_lossy()
                .into_owned();
            let source = Source::new(relative, &std::fs::read_to_string(&path)?);
            files += 1;
            for finding in check(&source) {
                report.push_str(&format!("\n{}:{finding}", source.path));
            }
        }
    }
    if !report.is_empty() {
        bail!("{report}");
    }
    Ok(format!("{files} files"))
}

fn check(source: &Source) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES
        .iter()
        .filter(|rule| (rule.applies)(&source.path))
        .flat_map(|rule| (rule.check)(source))
        .collect();
    findings.sort_by_key(|finding| finding.line);
    findings
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, what, mend } = self;
        write!(f, "{line}: {what}; {mend}")
    }
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_c(path: &str) -> bool {
    path.ends_with(".c") || path.ends_with(".h")
}

fn module_doc(source: &Source) -> Vec<Finding> {
    let mut lines = source.lines.iter().enumerate().filter(|(_, line)| {
        // What may stand in front: plain comments and attributes of the crate.
        let comment = line.text.starts_with("//") && !line.text.starts_with("//!");
        !(line.text.is_empty() || comment || line.text.starts_with("#!["))
    });
    match lines.next() {
        Some((_, line)) if line.text.starts_with("//!") => Vec::new(),
        first => vec![Finding {
            line: first.map_or(1, |(number, _)| number + 1),
            what: "the module has no `//!`".to_owned(),
            mend: "say what it takes, what it gives, and what it leaves to others".to_owned(),
        }],
    }
}

fn promises(source: &Source) -> Vec<Finding> {
    source.each_line(|line| {
        PROMISES
            .iter()
            .filter(|(word, _)| source::has_word(&line.text, word))
            .map(|(word, mend)| {
                (
                    format!("\"{word}\" is a promise that nobody keeps"),
                    (*mend).to_owned(),
                )
            })
    })
}

fn ascii(source: &Source) -> Vec<Finding> {
    source.each_line(|line| {
        line.text.chars().find(|c| !c.is_ascii()).map(|c| {
            (
                format!("{c:?} is not ASCII"),
                "write it in ASCII, or escape it in a string".to_owned(),
            )
        })
    })
}

fn budget(source: &Source) -> Vec<Finding> {
    let excused = source
        .lines
        .first()
        .and_then(|line| line.text.strip_prefix(LONG))
        .is_some_and(|why| !why.trim().is_empty());
    if source.lines.len() <= BUDGET || excused {
        return Vec::new();
    }
    vec![Finding {
        line: BUDGET + 1,
        what: format!("{} lines, {BUDGET} are allowed", source.lines.len()),
        mend: format!("split it by subject, or give the reason in the first line: `{LONG}<why>`"),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings in `text`, one a line.
    #[track_caller]
    fn expect(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<_> = check(&Source::new(path.to_owned(), text))
            .iter()
            .map(Finding::to_string)
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn a_module_begins_with_what_it_is() {
        expect("xtask/src/a.rs", "//! A.\nuse b;\n", &[]);
        expect(
            "xtask/src/a.rs",
            "// tidy: long: data\n\n#![no_std]\n//! A.\n",
            &[],
        );
        expect(
            "xtask/src/a.rs",
            "// A.\n\nuse b;\n",
            &["3: the module has no `//!`"],
        );
        expect("xtask/src/a.rs", "", &["1: the module has no `//!`"]);
        expect("probes/bpf/a.c", "int a;\n", &[]);
    }

    #[test]
    fn promises_are_found_in_every_language() {
        let line = format!("/* {}: later */\n", PROMISES[0].0);
        expect("probes/bpf/a.c", &line, &["1: \""]);
        expect(
            "tests/components/x/main.go",
            &format!("// {}\n", PROMISES[3].0),
            &["1: \""],
        );
        let part_of_a_word = format!("int {}S, {0}{0};\n", PROMISES[2].0);
        expect("probes/bpf/a.c", &part_of_a_word, &[]);
    }

    #[test]
    fn sources_are_ascii() {
        expect(
            "probes/bpf/a.h",
            "int a;\n// \u{b5}s\n",
            &["2: '\u{b5}' is not ASCII"],
        );
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "//! A.\n".to_owned() + &"\n".repeat(BUDGET);
        expect(
            "xtask/src/a.rs",
            &long,
            &["401: 401 lines, 400 are allowed"],
        );
        expect("xtask/src/a.rs", &format!("{LONG}a table\n{long}"), &[]);
        expect(
            "xtask/src/a.rs",
            &format!("{LONG}\n{long}"),
            &["401: 402 lines"],
        );
    }

    #[test]
    fn walls_are_for_the_agent_only() {
        expect(
            "exporter/src/batch.rs",
            "//! A.\nuse aya::Ebpf;\n",
            &["2: `aya`"],
        );
        expect("tests/src/lib.rs", "//! A.\nuse aya::Ebpf;\n", &[]);
    }
}
