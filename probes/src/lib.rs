//! The eBPF programs of kintrace, compiled and embedded, and the ABI they speak.
//!
//! This crate knows neither aya nor tokio: it holds bytes and layouts. `bpf/include/event.h` is the
//! source of the ABI, [`abi`] its mirror.

pub mod abi;

/// An embedded object, aligned as the ELF reader wants it.
#[repr(C, align(32))]
struct Aligned<T: ?Sized>(T);

macro_rules! embedded {
    ($name:literal) => {{
        static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(
            env!("OUT_DIR"),
            "/",
            $name,
            ".bpf.o"
        )));
        &OBJECT.0
    }};
}

/// Process lifecycle (`bpf/process.bpf.c`). Empty if built with `PROBES_SKIP_BUILD=1`.
pub static PROCESS: &[u8] = embedded!("process");

/// The types of the ABI, for the layout test (`bpf/layout.bpf.c`). Never loaded.
pub static LAYOUT: &[u8] = embedded!("layout");
