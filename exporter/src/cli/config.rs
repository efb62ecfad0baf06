//! `kintrace config check` and `kintrace config show`, and the loading that `kintrace run` shares.
//!
//! Text goes to a writer that the caller chooses, the environment comes from the caller: so a test
//! needs no process.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use crate::config::{
    ConfigError, ConfigFile, Effective, Env, Overrides, ReadError, load_effective, read_file,
};
use crate::exit::ExitCode;

/// Why there is no configuration, or no way to tell.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was read, and is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Loads the configuration of the file at `path`, or of the default one, with all that is laid over it.
///
/// # Errors
///
/// The file cannot be read, or there is a problem in it, in the environment or in `overrides`.
pub fn load(
    path: Option<&Path>,
    env: &impl Env,
    overrides: &Overrides,
) -> Result<Effective, Failure> {
    let file = read_file(path)?;
    Ok(load_effective(&file.text, env, overrides)?)
}

/// Prints every problem, or every warning and that all is well.
///
/// # Errors
///
/// `out` failed. A wrong configuration is no error here but the code [`ExitCode::Config`].
pub fn check(path: Option<&Path>, env: &impl Env, out: &mut impl Write) -> io::Result<ExitCode> {
    match read_file(path) {
        Ok(file) => check_file(&file, env, out),
        Err(error) => unreadable(&error, out),
    }
}

/// Prints the configuration in force as YAML, each value with its origin, secrets hidden; or every
/// problem.
///
/// # Errors
///
/// As [`check`].
pub fn show(path: Option<&Path>, env: &impl Env, out: &mut impl Write) -> io::Result<ExitCode> {
    let file = match read_file(path) {
        Ok(file) => file,
        Err(error) => return unreadable(&error, out),
    };
    match load_effective(&file.text, env, &Overrides::default()) {
        Ok(effective) => {
            out.write_all(effective.to_yaml().as_bytes())?;
            Ok(ExitCode::Success)
        }
        Err(error) => refused(&file, &error, out),
    }
}

fn check_file(file: &ConfigFile, env: &impl Env, out: &mut impl Write) -> io::Result<ExitCode> {
    match load_effective(&file.text, env, &Overrides::default()) {
        Ok(effective) => {
            if let Err(error) = effective.config.export.tls.read() {
                return unreadable(&error, out);
            }
            writeln!(out, "{}: ok", name(file))?;
            for warning in &effective.warnings {
                writeln!(out, "  warning: {warning}")?;
            }
            Ok(ExitCode::Success)
        }
        Err(error) => refused(file, &error, out),
    }
}

fn refused(file: &ConfigFile, error: &ConfigError, out: &mut impl Write) -> io::Result<ExitCode> {
    writeln!(out, "{}: {error}", name(file))?;
    Ok(ExitCode::Config)
}

fn unreadable(error: &ReadError, out: &mut impl Write) -> io::Result<ExitCode> {
    match error.source() {
        Some(cause) => writeln!(out, "{error}: {cause}")?,
        None => writeln!(out, "{error}")?,
    }
    Ok(ExitCode::Config)
}

fn name(file: &ConfigFile) -> String {
    match &file.path {
        Some(path) => path.display().to_string(),
        None => "(no file)".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::*;

    /// Runs one command on a file with this text; `FILE` stands for its path in what is printed.
    fn run(
        text: &str,
        command: impl FnOnce(Option<&Path>, &mut Vec<u8>) -> io::Result<ExitCode>,
        code: ExitCode,
        expected: Expect,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("kintrace.yaml");
        std::fs::write(&path, text).unwrap();
        let mut out = Vec::new();
        assert_eq!(command(Some(&path), &mut out).unwrap(), code);
        let out = String::from_utf8(out).unwrap();
        expected.assert_eq(&out.replace(&path.display().to_string(), "FILE"));
    }

    #[test]
    fn check_of_a_good_file_says_so_and_warns() {
        run(
            "export: {endpoint: 'http://collector:4317'}\n",
            |path, out| check(path, &BTreeMap::new(), out),
            ExitCode::Success,
            expect![[r#"
                FILE: ok
                  warning: export.endpoint: is plain http:// to another host: command lines and headers can be read on the way
            "#]],
        );
    }

    #[test]
    fn check_of_a_bad_file_lists_every_problem() {
        run(
            "export: {timeout: 5x, timeuot: 5s}\nlog: {level: inof}\n",
            |path, out| check(path, &BTreeMap::new(), out),
            ExitCode::Config,
            expect![[r#"
                FILE: the configuration has 3 problems
                  export.timeuot: is not a key; did you mean export.timeout?
                  export.timeout: "5x" is not a duration (write 500ms, 5s, 2m)
                  log.level: "inof" is not one of error, warn, info, debug, trace; did you mean info?
            "#]],
        );
    }

    #[test]
    fn show_names_origins_and_hides_secrets() {
        let env: BTreeMap<&str, &str> = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=hunter2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_SERVICE_NAME", "edge"),
        ]
        .into();
        run(
            "export:\n  endpoint: http://localhost:4318\n  headers: {Authorization: hunter2}\n\
             resource: {attributes: {deployment.environment.name: prod}}\n",
            |path, out| show(path, &env, out),
            ExitCode::Success,
            expect![[r##"
                # The configuration in force. A comment says where a value comes from; *** is a secret.

                probes:
                  ring_size: 4MiB  # default
                  wakeup_bytes: 1MiB  # default
                  drain_interval: 10ms  # default
                  args_limit: 32KiB  # default
                  environment: []  # default
                  traceparent: true  # default
                process_table:
                  max_images: 65536  # default
                  ancestor_depth: 16  # default
                traces:
                  enabled: true  # default
                  max_spans: 10000  # default
                  max_age: 1h  # default
                export:
                  endpoint: "http://localhost:4318"  # file
                  protocol: http/protobuf  # environment (OTEL_EXPORTER_OTLP_PROTOCOL)
                  compression: gzip  # default
                  headers:
                    authorization: "***"  # file
                    x-scope: "***"  # environment (OTEL_EXPORTER_OTLP_HEADERS)
                  timeout: 10s  # default
                  concurrency: 2  # default
                  queue_bytes: 64MiB  # default
                  shutdown_timeout: 5s  # default
                  logs:
                    endpoint: ""  # default
                    protocol: ""  # default
                  traces:
                    endpoint: ""  # default
                    protocol: ""  # default
                  batch:
                    records: 2048  # default
                    bytes: 1MiB  # default
                    age: 1s  # default
                  retry:
                    initial: 1s  # default
                    max: 30s  # default
                    max_elapsed: 5m  # default
                  tls:
                    ca_file: ""  # default
                    cert_file: ""  # default
                    key_file: ""  # default
                    server_name: ""  # default
                console:
                  output: text  # default
                  color: auto  # default
                metrics:
                  listen: "127.0.0.1:9464"  # default
                resource:
                  attributes:
                    deployment.environment.name: "prod"  # file
                    service.name: "edge"  # environment (OTEL_SERVICE_NAME)
                log:
                  level: info  # default
            "##]],
        );
    }

    #[test]
    fn show_of_a_bad_file_says_what_check_says() {
        run(
            "log: {level: 3}\n",
            |path, out| show(path, &BTreeMap::new(), out),
            ExitCode::Config,
            expect![[r#"
                FILE: the configuration has 1 problem
                  log.level: 3 is not one of error, warn, info, debug, trace
            "#]],
        );
    }

    #[test]
    fn a_file_that_is_named_must_exist() {
        let mut out = Vec::new();
        let path = Path::new("/nonexistent/kintrace.yaml");
        assert_eq!(
            check(Some(path), &BTreeMap::new(), &mut out).unwrap(),
            ExitCode::Config
        );
        expect![[r#"
            cannot read /nonexistent/kintrace.yaml: No such file or directory (os error 2)
        "#]]
        .assert_eq(&String::from_utf8(out).unwrap());
        assert!(load(Some(path), &BTreeMap::new(), &Overrides::default()).is_err());
    }
}
