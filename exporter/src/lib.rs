//! kintrace.
