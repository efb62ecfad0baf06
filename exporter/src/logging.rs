//! The agent's own messages, on standard error.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

use crate::config::{Log, LogLevel};

/// Sends messages to standard error from here on, in colour only if a person is looking.
///
/// Call it once: a second call changes nothing.
pub fn init(log: &Log) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter(log.level))
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr)
        .finish();
    // Only a second call fails, and the first one is as good.
    drop(tracing::subscriber::set_global_default(subscriber));
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
