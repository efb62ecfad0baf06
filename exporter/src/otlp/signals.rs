//! Names of signals, as `kill -l` and people say them.

/// `SIGKILL` for 9, `SIGRTMIN+3` for 37. The numbers are those of x86 and ARM.
pub fn name(number: u8) -> String {
    const NAMES: [&str; 31] = [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    let index = usize::from(number).wrapping_sub(1);
    match (NAMES.get(index), number) {
        (Some(name), _) => (*name).to_owned(),
        // The kernel's first real-time signals are the C library's own; people count from 34.
        (None, 34..=64) => format!("SIGRTMIN+{}", number - 34),
        (None, _) => format!("SIG{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn signals_have_the_names_people_know() {
        let names = [1, 9, 11, 15, 31, 32, 34, 37, 0].map(name);
        let expected = [
            "SIGHUP",
            "SIGKILL",
            "SIGSEGV",
            "SIGTERM",
            "SIGSYS",
            "SIG32",
            "SIGRTMIN+0",
            "SIGRTMIN+3",
            "SIG0",
        ];
        assert_eq!(names, expected);
    }
}
