//! "Did you mean": the nearest of the words that would have been right.

/// The candidate that `word` was probably meant to be, if one is near enough.
///
/// Near is: a quarter of the letters differ, two at least. A dotted candidate whose last segment is
/// `word` counts as near too, for the key that was written in the wrong section.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 4).max(2);
    let near = candidates
        .clone()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= limit && distance < candidate.len())
        .min();
    if let Some((_, candidate)) = near {
        return Some(candidate);
    }
    let last = word.rsplit('.').next().unwrap_or(word);
    let mut moved = candidates.filter(|candidate| candidate.rsplit('.').next() == Some(last));
    // Two sections have such a key: naming one of them would be a guess.
    match (moved.next(), moved.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left_char) in a.chars().enumerate() {
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = i + 1;
        }
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, right_char) in cells.zip(b.chars()) {
            let substituted = diagonal + usize::from(left_char != right_char);
            diagonal = *cell;
            *cell = substituted.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = [
        "export.timeout",
        "export.batch.age",
        "export.retry.max",
        "log.level",
    ];

    #[test]
    fn distance_counts_single_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        assert_eq!(
            nearest("export.timeuot", WORDS.into_iter()),
            Some("export.timeout")
        );
        assert_eq!(
            nearest("export.batch_age", WORDS.into_iter()),
            Some("export.batch.age")
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_finds_its_section() {
        assert_eq!(nearest("level", WORDS.into_iter()), Some("log.level"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("colour", WORDS.into_iter()), None);
        assert_eq!(nearest("a", ["b", "c"].into_iter()), None);
    }
}
