//! Support for the end-to-end tests.

pub mod live;
mod sys;
