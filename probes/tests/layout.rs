//! The Rust mirror of the ABI equals what clang compiled: sizes, names, offsets and numbers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may panic; that is how it fails"
)]

mod btf;

use kintrace_probes::{LAYOUT, abi};
use object::{Object as _, ObjectSection as _};

fn object_btf() -> btf::Btf {
    assert!(
        !LAYOUT.is_empty(),
        "built with PROBES_SKIP_BUILD=1: there is no object to compare with"
    );
    let object = object::File::parse(LAYOUT).unwrap();
    btf::parse(object.section_by_name(".BTF").unwrap().data().unwrap())
}

/// `EventHeader` to `event_header`.
fn c_name(name: &str) -> String {
    let mut out = String::new();
    for (i, letter) in name.char_indices() {
        if letter.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_struct_has_the_same_fields_at_the_same_offsets_in_c_and_rust() {
    let btf = object_btf();
    for (name, size, fields) in abi::LAYOUTS {
        let c = btf
            .structs
            .get(&c_name(name))
            .unwrap_or_else(|| panic!("no struct {name} in BTF"));
        assert_eq!(c.size as usize, *size, "size of {name}");
        let c_fields: Vec<(&str, usize)> = c
            .members
            .iter()
            .map(|(name, at)| (name.as_str(), *at as usize))
            .collect();
        assert_eq!(c_fields, *fields, "fields of {name}");
    }
}

#[test]
fn every_event_struct_of_the_object_is_mirrored() {
    let mirrored: Vec<String> = abi::LAYOUTS.iter().map(|(name, ..)| c_name(name)).collect();
    for name in object_btf().structs.keys() {
        if name.ends_with("_event") {
            assert!(
                mirrored.contains(name),
                "struct {name} of event.h has no mirror in abi.rs"
            );
        }
    }
}

#[test]
fn every_number_of_event_h_is_the_same_in_rust() {
    let btf = object_btf();
    let number = |name: &str| -> u32 {
        let value = btf
            .enums
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in event.h"));
        u32::try_from(*value).unwrap()
    };
    for kind in abi::EventKind::ALL {
        let name = format!("EVENT_{}", c_name(&format!("{kind:?}")).to_uppercase());
        assert_eq!(number(&name), *kind as u32, "{name}");
    }
    for reason in abi::LostReason::ALL {
        let name = format!("LOST_{}", c_name(&format!("{reason:?}")).to_uppercase());
        assert_eq!(number(&name), *reason as u32, "{name}");
    }
    for (name, value) in [
        ("EVENT_KIND_MAX", abi::EVENT_KIND_MAX),
        ("LOST_REASON_MAX", abi::LOST_REASON_MAX),
        ("ANCESTORS_MAX", abi::ANCESTORS_MAX as u32),
        ("PATH_BYTES_MAX", abi::PATH_BYTES_MAX as u32),
        ("ARGS_CHUNK_BYTES", abi::ARGS_CHUNK_BYTES),
        ("ENV_NAME_BYTES", abi::ENV_NAME_BYTES as u32),
        ("COMM_BYTES", abi::COMM_BYTES as u32),
        ("TTY_BYTES", abi::TTY_BYTES as u32),
        ("EVENT_TRUNCATED_PATH", abi::flags::TRUNCATED_PATH),
        ("EVENT_TRUNCATED_CWD", abi::flags::TRUNCATED_CWD),
        ("EVENT_TRUNCATED_ARGS", abi::flags::TRUNCATED_ARGS),
        ("EVENT_TRUNCATED_ENV", abi::flags::TRUNCATED_ENV),
        ("EVENT_TRUNCATED_FILENAME", abi::flags::TRUNCATED_FILENAME),
        (
            "EVENT_TRUNCATED_INTERPRETER",
            abi::flags::TRUNCATED_INTERPRETER,
        ),
        ("EVENT_TRUNCATED_ANCESTORS", abi::flags::TRUNCATED_ANCESTORS),
        ("EVENT_TRUNCATED_CGROUP", abi::flags::TRUNCATED_CGROUP),
        ("EVENT_MISSING_PATH", abi::flags::MISSING_PATH),
        ("EVENT_MISSING_CWD", abi::flags::MISSING_CWD),
        ("EVENT_MISSING_ARGS", abi::flags::MISSING_ARGS),
        ("EVENT_MISSING_ENV", abi::flags::MISSING_ENV),
        ("EVENT_MISSING_FILENAME", abi::flags::MISSING_FILENAME),
        ("EVENT_MISSING_INTERPRETER", abi::flags::MISSING_INTERPRETER),
        ("EVENT_MISSING_CGROUP", abi::flags::MISSING_CGROUP),
        ("EVENT_MISSING_NAMESPACES", abi::flags::MISSING_NAMESPACES),
        ("EVENT_MISSING_AUDIT", abi::flags::MISSING_AUDIT),
        (
            "EVENT_APPROXIMATE_CPU_TIME",
            abi::flags::APPROXIMATE_CPU_TIME,
        ),
        ("EXE_DELETED", abi::exe::DELETED),
        ("EXE_DETACHED", abi::exe::DETACHED),
        ("EXE_SECURE", abi::exe::SECURE),
        ("EXE_SETUID", abi::exe::SETUID),
        ("EXE_SETGID", abi::exe::SETGID),
        ("EXE_FILE_CAPS", abi::exe::FILE_CAPS),
        ("EXE_SCRIPT", abi::exe::SCRIPT),
    ] {
        assert_eq!(number(name), value, "{name}");
    }
}
