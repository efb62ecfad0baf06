//! The eBPF programs of kintrace.
