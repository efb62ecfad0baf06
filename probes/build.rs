//! Compiles each program with clang into `OUT_DIR`, to be embedded by `src/lib.rs`.
//!
//! `KINTRACE_CLANG` names another compiler. `PROBES_SKIP_BUILD=1` writes empty objects, so that
//! `cargo check`, clippy and unit tests need no clang; an agent built so says it has no probes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The objects: one per capability class, since a kernel refuses or accepts an object as a whole.
/// `layout` is never loaded: the layout test reads it.
const OBJECTS: [&str; 2] = ["process", "layout"];

/// Newest first: any of them compiles the same programs.
const COMPILERS: [&str; 11] = [
    "clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16",
    "clang-15", "clang-14", "clang-13",
];

fn main() {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=KINTRACE_CLANG");
    println!("cargo::rerun-if-env-changed=PROBES_SKIP_BUILD");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let skip = env::var("PROBES_SKIP_BUILD").is_ok_and(|value| value == "1");
    for name in OBJECTS {
        let object = out.join(format!("{name}.bpf.o"));
        if skip {
            fs::write(&object, []).expect("OUT_DIR can be written");
        } else {
            compile(&PathBuf::from(format!("bpf/{name}.bpf.c")), &object);
        }
    }
}

fn compile(source: &Path, object: &Path) {
    let clang = find_clang().unwrap_or_else(|| {
        panic!(
            "no clang with a bpf target found. Install it: apt-get install clang libbpf-dev \
             (or set KINTRACE_CLANG, or PROBES_SKIP_BUILD=1 for checks without programs)"
        )
    });
    let arch = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "arm64",
        _ => "x86",
    };
    let mut command = Command::new(&clang);
    command
        .args([
            "-target",
            "bpf",
            "-mcpu=v3",
            "-O2",
            "-g",
            "-Wall",
            "-Werror",
            "-fno-ident",
        ])
        .arg(format!("-D__TARGET_ARCH_{arch}"))
        .args(["-I", "bpf/include", "-I"])
        .arg(kernel_headers())
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object);
    let output = command.output().expect("clang starts");
    if !output.status.success() {
        panic!(
            "{clang} could not compile {}:\n{}\n(missing bpf/bpf_helpers.h: apt-get install libbpf-dev)",
            source.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    strip(object, &clang);
}

/// Removes DWARF, keeps BTF: less to embed. Without a stripper the object only is larger.
fn strip(object: &Path, clang: &str) {
    for tool in [
        clang.replace("clang", "llvm-strip"),
        "llvm-strip".to_owned(),
    ] {
        if Command::new(&tool)
            .arg("-g")
            .arg(object)
            .status()
            .is_ok_and(|status| status.success())
        {
            return;
        }
    }
    println!(
        "cargo::warning=llvm-strip not found: the embedded programs keep their debug sections"
    );
}

/// Debian keeps `asm/types.h` under the multiarch triplet.
fn kernel_headers() -> PathBuf {
    let triplet = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "aarch64-linux-gnu",
        _ => "x86_64-linux-gnu",
    };
    PathBuf::from("/usr/include").join(triplet)
}

fn find_clang() -> Option<String> {
    let named = env::var("KINTRACE_CLANG").ok();
    named
        .into_iter()
        .chain(COMPILERS.map(str::to_owned))
        .find(|clang| {
            Command::new(clang)
                .arg("--print-targets")
                .output()
                .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("bpf"))
        })
}
