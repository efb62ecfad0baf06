//! Prints configurations: the reference file, and the one in force.

use super::Effective;
use super::check::Row;
use super::keys::{Described, KEYS, SECTIONS};
use super::rules::Yaml;

/// The reference file, `config/kintrace.yaml`: every key with its meaning, range and default.
pub fn reference() -> String {
    let mut page = Page::new(
        "Configuration of kintrace. Every key is here, with its default: a file needs only what differs.\n\
         Read from /etc/kintrace/kintrace.yaml, or from the file that --config names.\n\
         \n\
         Command line wins over environment, environment over file, file over default. Sizes are written\n\
         65536, 64KiB, 8MiB, 1GiB; durations 500ms, 5s, 2m. `kintrace config check` finds mistakes,\n\
         `kintrace config show` prints what is in force, and from where.\n\
         \n\
         Printed from exporter/src/config/keys.rs: UPDATE_EXPECT=1 cargo test -p kintrace reference",
    );
    for key in KEYS {
        page.open(key.name(), true);
        for line in key.about() {
            page.comment(line.trim());
        }
        page.comment(&range(*key));
        page.value(key.name(), &key.default(), |_| None);
        page.gap();
    }
    page.finish()
}

impl Effective {
    /// The configuration in force as YAML, each value with its origin as a comment. Secrets are hidden:
    /// without secrets the text can be loaded again and means the same.
    pub fn to_yaml(&self) -> String {
        let mut page = Page::new(
            "The configuration in force. A comment says where a value comes from; *** is a secret.",
        );
        for Row {
            key,
            value,
            origin,
            entry_origins,
        } in &self.rows
        {
            page.open(key.name(), false);
            page.value(key.name(), value, |entry| match entry {
                None => Some(origin.to_string()),
                Some(index) => entry_origins.get(index).map(ToString::to_string),
            });
        }
        page.finish()
    }
}

fn range(key: &dyn Described) -> String {
    let default = match key.default() {
        Yaml::Inline(default) => default,
        Yaml::Entries(_) => "{}".into(),
    };
    format!("Allowed: {}. Default: {default}", key.allowed())
}

/// YAML being written, one key after the other.
struct Page {
    text: String,
    /// The sections that the last key was in, outermost first.
    open: Vec<String>,
}

// === impl Page ===

impl Page {
    fn new(head: &str) -> Self {
        let mut page = Self {
            text: String::new(),
            open: Vec::new(),
        };
        head.lines().for_each(|line| page.comment(line));
        page.gap();
        page
    }

    /// Enters the sections of `key` that are not entered yet.
    fn open(&mut self, key: &str, with_comments: bool) {
        let mut sections: Vec<String> = key.split('.').map(str::to_owned).collect();
        sections.pop();
        let common = self
            .open
            .iter()
            .zip(&sections)
            .take_while(|(a, b)| a == b)
            .count();
        self.open.truncate(common);
        for name in sections.into_iter().skip(common) {
            let path = self
                .open
                .iter()
                .chain([&name])
                .cloned()
                .collect::<Vec<_>>()
                .join(".");
            let about = SECTIONS.iter().find(|&&(section, _)| section == path);
            if let Some((_, about)) = about.filter(|_| with_comments) {
                self.comment(about);
            }
            self.line(&format!("{name}:"));
            self.open.push(name);
        }
    }

    /// The key with its value, below the sections that are open. `comment` is asked for the value, and
    /// for each entry by its index.
    fn value(
        &mut self,
        key: &str,
        value: &Yaml,
        comment: impl Fn(Option<usize>) -> Option<String>,
    ) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let remark = |entry| {
            comment(entry)
                .map(|text| format!("  # {text}"))
                .unwrap_or_default()
        };
        match value {
            Yaml::Inline(text) => self.line(&format!("{name}: {text}{}", remark(None))),
            Yaml::Entries(entries) if entries.is_empty() => {
                self.line(&format!("{name}: {{}}{}", remark(None)));
            }
            Yaml::Entries(entries) => {
                self.line(&format!("{name}:"));
                for (index, (entry, value)) in entries.iter().enumerate() {
                    self.line(&format!("  {entry}: {value}{}", remark(Some(index))));
                }
            }
        }
    }

    fn comment(&mut self, text: &str) {
        self.line(format!("# {text}").trim_end());
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(&"  ".repeat(self.open.len()));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn finish(self) -> String {
        format!("{}\n", self.text.trim_end())
    }
}
