//! `motlan once check-form`: which questions of a form the law forbids.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use motlan_catalog::Faults;
use motlan_once::{Form, Judged, Listing, Verdict, judge};

use super::{Where, tell};

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// A question that the law forbids.
const UNLAWFUL: u8 = 1;

/// Nothing forbidden was found, but not everything could be told.
const UNCLEAR: u8 = 2;

/// Tell which questions of a form the law forbids.
#[derive(clap::Args)]
pub(in crate::command) struct CheckForm {
    /// The form.
    form: PathBuf,
    #[command(flatten)]
    place: Where,
    /// The day in Việt Nam on which the form is used; today where none is named.
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
}

impl CheckForm {
    /// What goes wrong on the way leaves the question open: it exits with 2, never with 1.
    pub(super) fn run(self) -> ExitCode {
        self.checked().unwrap_or_else(|error| {
            eprintln!("motlan: {error:#}");
            ExitCode::from(UNCLEAR)
        })
    }

    fn checked(&self) -> anyhow::Result<ExitCode> {
        let mut faults = Faults::new();
        let form = Form::read(&self.form, &mut faults);
        let catalog = match self.place.load() {
            Ok(catalog) => Some(catalog),
            Err(more) => {
                faults.extend(more);
                None
            }
        };
        let (Some(form), Some(catalog)) = (form, catalog) else {
            tell(&faults);
            return Ok(ExitCode::from(UNCLEAR));
        };
        let day = match self.on {
            Some(day) => day,
            None => today()?,
        };
        let law = &catalog.once().context("the catalogue has no `once/`")?.law;
        anyhow::ensure!(
            law.is_in_force(day),
            "{} is in force from {} to {}, not on {day}",
            law.instrument,
            law.valid_from,
            law.valid_until
        );
        let judged = judge(&catalog, &form, day)?;
        if judged.listing == Listing::Article4 {
            let (code, part) = (&form.procedure, &law.annex);
            eprintln!(
                "`{code}` is not in {part}: only {} speaks of it",
                law.article
            );
        }
        print(&self.form, &form, &judged)
    }
}

fn print(file: &Path, form: &Form, judged: &Judged) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let (mut unlawful, mut unclear) = (0_usize, 0_usize);
    for (question, verdict) in form.questions.iter().zip(&judged.verdicts) {
        let word = match verdict {
            Verdict::Unlawful(_) => {
                unlawful += 1;
                "must not be asked"
            }
            Verdict::Unclear(_) => {
                unclear += 1;
                "cannot be told"
            }
            Verdict::Lawful(_) => "may be asked",
        };
        let (file, line, ask) = (file.display(), question.line, &question.ask);
        writeln!(out, "{file}:{line}: `{ask}` {word}; {verdict}")?;
    }
    let asked = judged.verdicts.len();
    writeln!(
        out,
        "{asked} questions: {unlawful} must not be asked, {unclear} cannot be told"
    )?;
    Ok(match (unlawful, unclear) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(UNCLEAR),
        _ => ExitCode::from(UNLAWFUL),
    })
}

/// The clock is at the edge: here, and nowhere further in.
fn today() -> anyhow::Result<Date> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = Timestamp::from_millisecond(i64::try_from(since_epoch.as_millis())?)?;
    Ok(VIETNAM.to_datetime(now).date())
}
