//! kintrace.
fn main() {}
