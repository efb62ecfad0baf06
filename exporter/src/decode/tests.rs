use kintrace_probes::abi::{self, flags};
use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::event::ImageId;

fn header(kind: abi::EventKind) -> abi::EventHeader {
    abi::EventHeader {
        ktime_ns: 9,
        kind: kind as u32,
        cpu: 1,
        ..Default::default()
    }
}

fn decode(sample: &[u8]) -> Event {
    Decoder::new(4096).decode(sample).unwrap().unwrap()
}

const ID: abi::ImageId = abi::ImageId {
    start_ns: 100,
    tgid: 7,
    exec_id: 3,
};

struct Parts<'a> {
    path: &'a [u8],
    args: &'a [u8],
    args_parts: u32,
    flags: u32,
    exe_flags: u32,
}

fn exec_sample(parts: &Parts<'_>) -> Vec<u8> {
    let mut event = abi::ExecEvent {
        header: header(abi::EventKind::Exec),
        exe_flags: parts.exe_flags,
        argc: 2,
        args_parts: parts.args_parts,
        path_len: u32::try_from(parts.path.len()).unwrap(),
        args_len: u32::try_from(parts.args.len()).unwrap(),
        ..Default::default()
    };
    event.header.flags = parts.flags;
    event.task.id = ID;
    [event.as_bytes(), parts.path, parts.args].concat()
}

fn exec(parts: &Parts<'_>) -> (Exec, EventFlags) {
    let event = decode(&exec_sample(parts));
    match event.payload {
        Payload::Exec(exec) => (*exec, event.flags),
        other @ (Payload::Fork(_) | Payload::Exit(_) | Payload::Cgroup(_)) => panic!("{other:?}"),
    }
}

const PLAIN: Parts<'_> = Parts {
    path: b"ls\0bin\0usr\0",
    args: b"ls\0\0",
    args_parts: 0,
    flags: 0,
    exe_flags: 0,
};

#[test]
fn components_become_a_path_and_empty_arguments_stay() {
    let (exec, _) = exec(&PLAIN);
    assert_eq!(exec.executable.path.unwrap().as_str(), "/usr/bin/ls");
    assert_eq!(exec.args.values, vec!["ls".into(), "".into()]);
    assert_eq!(exec.task.id, ImageId::new(7, 100, 3));
}

#[test]
fn a_cut_path_says_where_it_begins() {
    let (exec, flags) = exec(&Parts {
        flags: flags::TRUNCATED_PATH,
        ..PLAIN
    });
    assert_eq!(exec.executable.path.unwrap().as_str(), ".../usr/bin/ls");
    assert_eq!(flags.0, flags::TRUNCATED_PATH);
}

#[test]
fn only_a_detached_file_can_be_a_memfd() {
    let named = Parts {
        path: b"memfd:x\0",
        ..PLAIN
    };
    let (exec_named, _) = exec(&named);
    assert_eq!(exec_named.executable.path.unwrap().as_str(), "/memfd:x");
    assert!(!exec_named.executable.is_memfd);
    let (memfd, _) = exec(&Parts {
        exe_flags: abi::exe::DETACHED | abi::exe::DELETED,
        ..named
    });
    assert_eq!(memfd.executable.path.unwrap().as_str(), "memfd:x");
    assert!(memfd.executable.is_memfd);
}

fn args_sample(index: u32, bytes: &[u8]) -> Vec<u8> {
    let event = abi::ExecArgsEvent {
        header: header(abi::EventKind::ExecArgs),
        id: ID,
        index,
        len: u32::try_from(bytes.len()).unwrap(),
    };
    [event.as_bytes(), bytes].concat()
}

#[test]
fn arguments_that_came_ahead_are_put_in_front() {
    let mut decoder = Decoder::new(4096);
    assert_eq!(decoder.decode(&args_sample(0, b"a\0b")), Ok(None));
    assert_eq!(decoder.decode(&args_sample(1, b"b\0c")), Ok(None));
    let sample = exec_sample(&Parts {
        args: b"c\0",
        args_parts: 2,
        ..PLAIN
    });
    let event = decoder.decode(&sample).unwrap().unwrap();
    let Payload::Exec(exec) = event.payload else {
        panic!()
    };
    assert_eq!(exec.args.values, vec!["a".into(), "bb".into(), "cc".into()]);
    assert_eq!(event.flags, EventFlags(0));
}

#[test]
fn a_lost_part_of_the_arguments_is_said_and_nothing_is_glued_over_it() {
    let mut decoder = Decoder::new(4096);
    assert_eq!(decoder.decode(&args_sample(0, b"a\0b\0")), Ok(None));
    assert_eq!(decoder.decode(&args_sample(2, b"zzz")), Ok(None));
    let sample = exec_sample(&Parts {
        args: b"c\0",
        args_parts: 3,
        ..PLAIN
    });
    let event = decoder.decode(&sample).unwrap().unwrap();
    let Payload::Exec(exec) = event.payload else {
        panic!()
    };
    assert_eq!(exec.args.values, vec!["a".into(), "b".into()]);
    assert_eq!(event.flags.0, flags::MISSING_ARGS | flags::TRUNCATED_ARGS);
}

#[test]
fn parts_of_another_exec_are_not_used() {
    let mut decoder = Decoder::new(4096);
    let mut other = args_sample(0, b"secret\0");
    other[32] ^= 1;
    assert_eq!(decoder.decode(&other), Ok(None));
    let sample = exec_sample(&Parts {
        args_parts: 1,
        ..PLAIN
    });
    let event = decoder.decode(&sample).unwrap().unwrap();
    let Payload::Exec(exec) = event.payload else {
        panic!()
    };
    assert!(exec.args.values.is_empty());
}

#[test]
fn status_is_read_as_wait_encodes_it() {
    assert_eq!(status(0x2a00), ExitStatus::Code(42));
    assert_eq!(
        status(9),
        ExitStatus::Signal {
            number: 9,
            core_dumped: false
        }
    );
    assert_eq!(
        status(0x8b),
        ExitStatus::Signal {
            number: 11,
            core_dumped: true
        }
    );
}

#[test]
fn a_length_that_points_outside_is_an_error() {
    let mut sample = exec_sample(&PLAIN);
    sample.truncate(sample.len() - 1);
    assert_eq!(
        Decoder::new(4096).decode(&sample).unwrap_err().reason(),
        "bad_length"
    );
    assert_eq!(
        Decoder::new(4096).decode(&[0; 31]).unwrap_err().reason(),
        "short_sample"
    );
    let unknown = abi::EventHeader {
        kind: 99,
        ..Default::default()
    };
    assert_eq!(
        Decoder::new(4096).decode(unknown.as_bytes()),
        Err(DecodeError::UnknownKind(99))
    );
}

#[test]
fn ticks_divide_the_precise_cpu_time() {
    assert_eq!(fields::adjust_cpu_time(0, 0, 70), (70, 0));
    assert_eq!(fields::adjust_cpu_time(0, 4, 70), (0, 70));
    assert_eq!(fields::adjust_cpu_time(30, 10, 80), (60, 20));
    assert_eq!(
        fields::adjust_cpu_time(u64::MAX, u64::MAX, u64::MAX).0,
        u64::MAX / 2 + 1
    );
}

proptest! {
    #[test]
    fn any_bytes_decode_or_say_why(
        kind in 0u32..8,
        mut bytes in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        if let Some(slot) = bytes.get_mut(16..20) {
            slot.copy_from_slice(&kind.to_le_bytes());
        }
        let _either_is_fine = Decoder::new(4096).decode(&bytes);
    }

    /// Lengths near the truth find more than random ones do.
    #[test]
    fn lengths_that_lie_never_panic(lengths in proptest::collection::vec(0u32..40, 8)) {
        let mut event = abi::ExecEvent { header: header(abi::EventKind::Exec), ..Default::default() };
        event.ancestors_count = lengths[0];
        event.path_len = lengths[1];
        event.cwd_len = lengths[2];
        event.filename_len = lengths[3];
        event.interpreter_len = lengths[4];
        event.env_len = lengths[5];
        event.args_len = lengths[6];
        event.args_parts = lengths[7];
        let sample = [event.as_bytes(), &[b'x'; 120]].concat();
        let _either_is_fine = Decoder::new(4096).decode(&sample);
    }
}
