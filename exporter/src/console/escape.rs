//! Makes text of strangers harmless on a terminal.
//!
//! Arguments and paths are chosen by whoever runs a program. Printed as they are, they could move the
//! cursor, colour or hide a line, answer a query of the terminal, or forge a second event.

/// Whether a character acts on a terminal instead of being shown: controls (C0, DEL, C1), line and
/// paragraph separators, and what is invisible or turns the direction of writing.
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Appends `text` with active characters written as a shell's `$'..'` would have them.
pub(crate) fn push_plain(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_active(c) {
            push_escape(out, c)
        } else {
            out.push(c)
        }
    }
}

/// Appends `word` so that a shell reads it back as one word. Words with active characters take the
/// `$'..'` form of bash, zsh and ksh.
pub(crate) fn push_shell_word(out: &mut String, word: &str) {
    if word.chars().any(is_active) {
        out.push_str("$'");
        for c in word.chars() {
            match c {
                '\\' | '\'' => out.extend(['\\', c]),
                c if is_active(c) => push_escape(out, c),
                c => out.push(c),
            }
        }
        out.push('\'');
    } else if !word.is_empty() && word.chars().all(is_bare) {
        out.push_str(word);
    } else {
        out.push('\'');
        out.push_str(&word.replace('\'', r"'\''"));
        out.push('\'');
    }
}

/// Characters that no shell gives a meaning.
fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || "_-./:@%+=,".contains(c)
}

fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // `\xHH` of a shell is a byte, which above 7f is not the character.
        c if c.is_ascii() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> String {
        let mut out = String::new();
        push_shell_word(&mut out, text);
        out
    }

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(word("--out=/tmp/a.txt"), "--out=/tmp/a.txt");
        assert_eq!(word("caf\u{e9}"), "caf\u{e9}");
        assert_eq!(word(""), "''");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("$HOME;rm"), "'$HOME;rm'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("back\\slash"), r"'back\slash'");
    }

    #[test]
    fn escape_sequences_and_forged_lines_are_shown_and_not_done() {
        assert_eq!(word("\x1b[2J"), r"$'\x1b[2J'");
        assert_eq!(word("a\nb\\'\t\r"), r"$'a\nb\\\'\t\r'");
        assert_eq!(word("\u{9b}31m"), r"$'\u009b31m'");
        assert_eq!(word("gpj.\u{202e}exe"), r"$'gpj.\u202eexe'");
        assert_eq!(word("\u{e0041}"), r"$'\U000e0041'");
        let mut out = String::new();
        push_plain(&mut out, "x\x07\x7fy z");
        assert_eq!(out, r"x\x07\x7fy z");
    }

    proptest! {
        #[test]
        fn nothing_active_ever_comes_out(text in any::<String>()) {
            let mut out = word(&text);
            push_plain(&mut out, &text);
            prop_assert!(!out.chars().any(is_active));
        }
    }
}
