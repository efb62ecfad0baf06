//! The agent's command line on a real kernel, without a running agent.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde_json::Value;

use crate::live::context::Pace;
use crate::live::groups::Alone;
use crate::sys;

pub(super) const CASES: &[Alone] = &[
    ("probe_says_that_this_kernel_is_sufficient", probe),
    ("an_agent_without_privilege_says_what_to_do", nobody),
    ("a_bad_configuration_is_refused", bad_configuration),
];

fn agent(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(crate::live::own_path()?);
    command.arg("agent").args(args).env_clear();
    Ok(command)
}

fn code(output: &Output) -> (Option<i32>, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn probe(_pace: Pace) -> Result<()> {
    let output = agent(&["probe", "--output", "json"])?.output()?;
    let (code, stderr) = code(&output);
    let report: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        code == Some(0),
        "it ended with {code:?}\n{stderr}\n{report:#}"
    );
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    ensure!(
        report.get("kernel") == Some(&release.trim().into()),
        "{report:#}"
    );
    let features = report
        .get("features")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    ensure!(!features.is_empty(), "{report:#}");
    for feature in features {
        let has = |key: &str, value: bool| feature.get(key) == Some(&value.into());
        let is_fine = has("available", true) || has("required", false);
        ensure!(is_fine, "{feature:#}");
    }
    Ok(())
}

fn nobody(_pace: Pace) -> Result<()> {
    let mut command = agent(&["run"])?;
    sys::before_exec(&mut command, || {
        let (user, group) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        Ok(set_thread_res_uid(user, user, user)?)
    });
    let (code, stderr) = code(&command.output()?);
    ensure!(code == Some(77), "it ended with {code:?}\n{stderr}");
    ensure!(
        stderr.lines().count() == 1,
        "{} lines\n{stderr}",
        stderr.lines().count()
    );
    ensure!(
        stderr.contains("CAP_BPF"),
        "it does not say what is missing: {stderr}"
    );
    Ok(())
}

fn bad_configuration(_pace: Pace) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bad.yaml");
    fs::write(&file, "probes: { rign_size: 8MiB, drain_interval: 5h }\n")?;
    let path = file.to_string_lossy();
    let (code, stderr) = code(&agent(&["run", "--config", &path])?.output()?);
    ensure!(code == Some(78), "it ended with {code:?}\n{stderr}");
    for mistake in ["rign_size", "drain_interval"] {
        ensure!(stderr.contains(mistake), "{mistake} is not named: {stderr}");
    }
    Ok(())
}
