//! `kintrace probe`: what this kernel offers, as a table or as JSON.

use std::io::{self, Write};

use super::ProbeArgs;
use crate::exit::ExitCode;
use crate::kernel::features::{self, Report};

/// Widest a detail may be in the table; JSON has all of it.
const DETAIL_WIDTH: usize = 72;

/// Prints the report. The code says whether `kintrace run` can work here.
///
/// # Errors
///
/// If `out` cannot be written.
pub fn probe(args: &ProbeArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let report = features::probe();
    if args.output == "json" {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        table(&report, out)?;
    }
    Ok(if report.is_sufficient() {
        ExitCode::Success
    } else {
        ExitCode::Unavailable
    })
}

fn table(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "kernel {}\n", report.kernel)?;
    writeln!(out, "{:<32} {:<10} WHY IT MATTERS", "FEATURE", "AVAILABLE")?;
    for feature in &report.features {
        let available = match (feature.available, feature.required) {
            (true, _) => "yes",
            (false, true) => "NO",
            (false, false) => "no",
        };
        writeln!(
            out,
            "{:<32} {available:<10} {}",
            feature.feature, feature.why
        )?;
        let line = feature.detail.lines().next().unwrap_or_default();
        let detail: String = line.chars().take(DETAIL_WIDTH).collect();
        writeln!(out, "  {detail}")?;
    }
    let verdict = if report.is_sufficient() {
        "\nkintrace run works on this kernel."
    } else {
        "\nkintrace run cannot work here: see each NO above."
    };
    writeln!(out, "{verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::features::Feature;

    #[test]
    fn a_missing_required_feature_stands_out() {
        let feature = |name, available, required| Feature {
            feature: name,
            available,
            required,
            detail: "first line\nsecond line".to_owned(),
            why: "reason",
        };
        let report = Report {
            kernel: "5.4.0".to_owned(),
            features: vec![feature("old", false, true), feature("nice", false, false)],
        };
        let mut out = Vec::new();
        table(&report, &mut out).unwrap();
        expect_test::expect![[r"
            kernel 5.4.0

            FEATURE                          AVAILABLE  WHY IT MATTERS
            old                              NO         reason
              first line
            nice                             no         reason
              first line

            kintrace run cannot work here: see each NO above.
        "]]
        .assert_eq(std::str::from_utf8(&out).unwrap());
        assert!(!report.is_sufficient());
    }
}
