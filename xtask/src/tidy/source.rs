//! One source file, as the rules see it: lines, of which each knows whether it is test code.
//!
//! Not a parser. Comments are cut at the first `//`, and everything after `#[cfg(test)]` in front
//! of a module is a test, since tests stand at the end of our files.

use super::Finding;

/// A file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the root of the workspace.
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
}

/// A line of it.
#[derive(Debug)]
pub(super) struct Line {
    /// Without blanks around it.
    pub(super) text: String,
    /// Whether it is only compiled for tests.
    pub(super) test: bool,
}

// === impl Source ===

impl Source {
    pub(super) fn new(path: String, text: &str) -> Self {
        let mut test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let mut lines: Vec<Line> = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            let opens = line.starts_with("mod ") && line.ends_with('{');
            test |= opens
                && lines
                    .last()
                    .is_some_and(|before| before.text == "#[cfg(test)]");
            lines.push(Line {
                text: line.to_owned(),
                test,
            });
        }
        Self { path, lines }
    }

    /// Collects what `look` says about each line: what is wrong, and the mend.
    pub(super) fn each_line<'a, I>(&'a self, look: impl Fn(&'a Line) -> I) -> Vec<Finding>
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let mut findings = Vec::new();
        for (number, line) in (1..).zip(&self.lines) {
            for (what, mend) in look(line) {
                findings.push(Finding {
                    line: number,
                    what,
                    mend,
                });
            }
        }
        findings
    }
}

// === impl Line ===

impl Line {
    /// The line without its comment.
    ///
    /// A string with `//` in it is cut too; an address is not what the walls look for.
    pub(super) fn code(&self) -> &str {
        self.text
            .split_once("//")
            .map_or(self.text.as_str(), |(code, _)| code)
    }
}

/// Whether `text` has `word`, and not as a part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// Whether `code` names the crate `name`: as a word at the start of a path, so that
/// `opentelemetry_proto::tonic` does not name tonic.
pub(super) fn names_crate(code: &str, name: &str) -> bool {
    words(code, name).any(|before| {
        !before
            .strip_suffix("::")
            .is_some_and(|path| path.ends_with(part_of_word))
    })
}

/// What stands before each place where `text` has `word`.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text.get(..at)?;
        let after = text.get(at + word.len()..)?;
        let whole = !before.ends_with(part_of_word) && !after.starts_with(part_of_word);
        whole.then_some(before)
    })
}

fn part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_a_part_of_another() {
        assert!(has_word("use aya::Ebpf;", "aya"));
        assert!(has_word("aya", "aya"));
        assert!(!has_word("use aya_obj::Object;", "aya"));
        assert!(!has_word("himalaya", "aya"));
        assert!(has_word("himalaya, aya", "aya"));
    }

    #[test]
    fn a_module_of_a_crate_is_not_the_crate_of_that_name() {
        assert!(!names_crate(
            "use opentelemetry_proto::tonic::common;",
            "tonic"
        ));
        assert!(names_crate("use ::tonic::Status;", "tonic"));
        assert!(names_crate("fn f() -> tonic::Status", "tonic"));
    }

    #[test]
    fn what_follows_the_test_attribute_is_test_code() {
        let source = Source::new(
            "exporter/src/a.rs".to_owned(),
            "#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nmod tests {\n    use d;\n}\n",
        );
        let tests: Vec<_> = source.lines.iter().map(|line| line.test).collect();
        assert_eq!(tests, [false, false, false, false, true, true, true]);
    }

    #[test]
    fn a_file_of_tests_is_test_code_from_the_start() {
        assert!(Source::new("exporter/src/a/tests.rs".to_owned(), "use b;").lines[0].test);
    }
}
