//! How long to wait before a request is sent again: a pure function of attempt, hint and chance.

use std::time::Duration;

use super::settings::RetryConfig;

/// Longest that a receiver can make us wait. A hint of a day is a mistake, not a request.
const MAX_HINT: Duration = Duration::from_secs(300);

/// How long to wait after attempt number `attempt` (0: the first) has failed.
///
/// Without a hint: the initial time doubled `attempt` times, at most `max`, and of that between one
/// half and the whole, so that agents which lost the same collector do not come back together. With
/// a hint: at least the hint (at most five minutes), and up to the initial time more.
///
/// `chance` is in [0, 1).
pub fn backoff(
    config: &RetryConfig,
    attempt: u32,
    hint: Option<Duration>,
    chance: f64,
) -> Duration {
    match hint {
        Some(hint) => hint.min(MAX_HINT) + config.initial.mul_f64(chance),
        None => {
            let factor = 1u32.checked_shl(attempt).unwrap_or(u32::MAX);
            let full = config.initial.saturating_mul(factor).min(config.max);
            full.mul_f64(0.5 + chance / 2.0)
        }
    }
}

/// How long to wait where an operator has to act first: the longest of the usual times.
pub fn long_backoff(config: &RetryConfig, chance: f64) -> Duration {
    config.max.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: RetryConfig = RetryConfig {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(30),
        max_elapsed: None,
    };

    #[test]
    fn it_doubles_up_to_the_maximum() {
        let seconds: Vec<_> = (0..8)
            .map(|attempt| backoff(&CONFIG, attempt, None, 0.0).as_secs_f64())
            .collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]);
    }

    proptest! {
        #[test]
        fn it_stays_within_bounds(attempt in 0..u32::MAX, chance in 0.0..1.0f64) {
            let delay = backoff(&CONFIG, attempt, None, chance);
            prop_assert!(delay >= CONFIG.initial / 2 && delay <= CONFIG.max);
            let long = long_backoff(&CONFIG, chance);
            prop_assert!(long >= CONFIG.max / 2 && long <= CONFIG.max);
        }

        #[test]
        fn a_hint_is_honoured_and_bounded(
            attempt in 0..u32::MAX, hint in 0..u64::MAX, chance in 0.0..1.0f64
        ) {
            let hint = Duration::from_millis(hint);
            let delay = backoff(&CONFIG, attempt, Some(hint), chance);
            prop_assert!(delay >= hint.min(MAX_HINT));
            prop_assert!(delay <= hint.min(MAX_HINT) + CONFIG.initial);
        }
    }
}
