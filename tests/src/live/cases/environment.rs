//! Variables that were asked for, and no others. That the secret is nowhere is looked at with each
//! record: see [`crate::live::agent::SECRET`].

use anyhow::Result;
use kintrace_semconv::attribute as name;

use crate::live::agent::SECRET;
use crate::live::checks::Checks;
use crate::live::context::Context;
use crate::live::groups::Case;

pub(super) const CASES: &[Case] = &[
    ("only_wanted_variables_are_told", wanted),
    ("a_long_variable_is_cut_and_said", long),
];

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn key(variable: &str) -> String {
    format!("{}.{variable}", name::PROCESS_ENVIRONMENT_VARIABLE)
}

fn wanted(context: &mut Context) -> Result<()> {
    let (running, _) = context
        .program("noop")
        .env("TRACEPARENT", TRACEPARENT)
        .env("KT_PASSWORD", SECRET)
        .env("KT_WANTED", "a=b c")
        .env("KT_WANTED_NOT", SECRET)
        .env("KT_WANTE", SECRET)
        .env("XKT_WANTED", SECRET)
        .run()?;
    let exec = context.exec_of(&running)?;
    let mut checks = Checks::of(&exec);
    checks
        .equal(&key("TRACEPARENT"), TRACEPARENT)
        .equal(&key("KT_WANTED"), "a=b c")
        .absent(name::KINTRACE_EVENT_TRUNCATED)
        .absent(name::KINTRACE_EVENT_MISSING);
    let prefix = key("");
    let variables = exec
        .attributes
        .keys()
        .filter(|key| key.starts_with(&prefix))
        .count();
    checks.that(variables == 2, || format!("{variables} variables"));
    checks.done()
}

fn long(context: &mut Context) -> Result<()> {
    let value = "v".repeat(2048);
    // In the middle of many: none is taken for another, however long they are.
    let mut program = context
        .program("noop")
        .env("AAA", &format!("{value}{SECRET}"));
    for number in 0..700 {
        program = program.env(&format!("KT_MANY_{number}"), "x");
    }
    let program = program
        .env("KT_WANTED", &value)
        .env("ZZZ", &format!("KT_WANTED={SECRET}"));
    let (running, _) = program.run()?;
    let exec = context.exec_of(&running)?;
    let got = exec.text(&key("KT_WANTED")).to_owned();
    Checks::of(&exec)
        .lists(name::KINTRACE_EVENT_TRUNCATED, "environment", true)
        .that(
            (900..1024).contains(&got.len()) && value.starts_with(&got),
            || format!("{} bytes were kept", got.len()),
        )
        .done()
}
