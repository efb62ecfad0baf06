//! What the log says about the collector: a change of state, never a batch.

use std::sync::{Mutex, PoisonError};

use super::outcome::{Accepted, ExportError, Verdict};
use crate::telemetry::Signal;

/// Failures in a row before the log says so: one that the next attempt repairs is no news.
const FAILURES_BEFORE_DOWN: u32 = 2;

/// The state of both signals, which can have different receivers.
#[derive(Debug, Default)]
pub(crate) struct Health([Mutex<State>; 2]);

/// What is known of one receiver.
#[derive(Debug, Default)]
struct State {
    failures: u32,
    bad: Option<Bad>,
    /// The last sentence about refused records, without digits.
    said: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bad {
    Unavailable,
    Misconfigured,
}

/// News for the operator.
#[derive(Debug, Eq, PartialEq)]
enum Change<'a> {
    Unavailable(&'a str),
    Misconfigured(&'a str),
    Back,
    Rejecting { records: u64, message: &'a str },
    Refusing(&'a str),
}

// === impl Health ===

impl Health {
    /// Takes note of an answer, and logs what is new in it.
    pub(crate) fn note(&self, signal: Signal, outcome: &Result<Accepted, ExportError>) {
        let [logs, traces] = &self.0;
        let state = match signal {
            Signal::Logs => logs,
            Signal::Traces => traces,
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        for change in state.note(outcome).into_iter().flatten() {
            log(signal.name(), &change);
        }
    }
}

/// Words of the receiver are logged with `?`: quoted, control characters escaped.
fn log(signal: &str, change: &Change<'_>) {
    match change {
        Change::Unavailable(cause) => {
            tracing::warn!(signal, ?cause, "collector unavailable, records wait");
        }
        Change::Misconfigured(cause) => tracing::warn!(
            signal,
            ?cause,
            "collector refuses this agent, check endpoint and credentials; records wait"
        ),
        Change::Back => tracing::info!(signal, "collector is back"),
        Change::Rejecting { records, message } => {
            tracing::warn!(
                signal,
                records,
                ?message,
                "collector took a request in part"
            );
        }
        Change::Refusing(cause) => {
            tracing::warn!(signal, ?cause, "collector refused a request");
        }
    }
}

// === impl State ===

impl State {
    /// What is new: at most a change of the link and a sentence.
    fn note<'a>(&mut self, outcome: &'a Result<Accepted, ExportError>) -> [Option<Change<'a>>; 2] {
        match outcome {
            Ok(Accepted { rejected, message }) => {
                let rejecting = Change::Rejecting {
                    records: *rejected,
                    message,
                };
                let is_news = (*rejected > 0 || !message.is_empty()) && self.is_new(message);
                [self.up(), is_news.then_some(rejecting)]
            }
            Err(ExportError { verdict, cause }) => match verdict {
                Verdict::Retry(_) => [self.down(cause), None],
                Verdict::Misconfigured => {
                    let is_new = self.bad.replace(Bad::Misconfigured) != Some(Bad::Misconfigured);
                    [is_new.then_some(Change::Misconfigured(cause)), None]
                }
                Verdict::Refused | Verdict::Permanent => {
                    let is_new = self.is_new(cause);
                    [self.up(), is_new.then_some(Change::Refusing(cause))]
                }
            },
        }
    }

    fn up(&mut self) -> Option<Change<'static>> {
        self.failures = 0;
        self.bad.take().map(|_| Change::Back)
    }

    fn down<'a>(&mut self, cause: &'a str) -> Option<Change<'a>> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_BEFORE_DOWN || self.bad == Some(Bad::Unavailable) {
            return None;
        }
        self.bad = Some(Bad::Unavailable);
        Some(Change::Unavailable(cause))
    }

    /// Whether a sentence differs from the last one in more than its numbers: counts and sizes change
    /// with every batch.
    fn is_new(&mut self, sentence: &str) -> bool {
        // The space keeps an empty sentence apart from none at all.
        let said: String = sentence
            .chars()
            .filter(|c| !c.is_ascii_digit())
            .chain(Some(' '))
            .collect();
        let is_new = said != self.said;
        self.said = said;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(verdict: Verdict) -> Result<Accepted, ExportError> {
        Err(ExportError::new(verdict, "why 1"))
    }

    fn partial(message: &str) -> Result<Accepted, ExportError> {
        Ok(Accepted {
            rejected: 2,
            message: message.into(),
        })
    }

    #[test]
    fn an_outage_is_said_once_and_so_is_its_end() {
        let mut state = State::default();
        let down = failure(Verdict::Retry(None));
        assert_eq!(state.note(&down), [None, None]);
        assert_eq!(
            state.note(&down),
            [Some(Change::Unavailable("why 1")), None]
        );
        assert_eq!(state.note(&down), [None, None]);
        assert_eq!(
            state.note(&Ok(Accepted::default())),
            [Some(Change::Back), None]
        );
        assert_eq!(state.note(&Ok(Accepted::default())), [None, None]);
    }

    #[test]
    fn a_mistake_of_the_operator_is_said_at_once() {
        let mut state = State::default();
        let mistake = failure(Verdict::Misconfigured);
        assert_eq!(
            state.note(&mistake),
            [Some(Change::Misconfigured("why 1")), None]
        );
        assert_eq!(state.note(&mistake), [None, None]);
        assert_eq!(
            state.note(&failure(Verdict::Permanent)),
            [Some(Change::Back), Some(Change::Refusing("why 1"))]
        );
    }

    #[test]
    fn a_sentence_about_rejected_records_is_said_once_whatever_its_numbers() {
        let mut state = State::default();
        let news = |message| {
            [
                None,
                Some(Change::Rejecting {
                    records: 2,
                    message,
                }),
            ]
        };
        assert_eq!(state.note(&partial("2 too old")), news("2 too old"));
        assert_eq!(state.note(&partial("31 too old")), [None, None]);
        assert_eq!(state.note(&Ok(Accepted::default())), [None, None]);
        assert_eq!(state.note(&partial("no tenant")), news("no tenant"));
        assert_eq!(State::default().note(&partial("")), news(""));
    }
}
