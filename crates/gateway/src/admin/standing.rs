//! What is in force, since when, until when, and why the last try to change it was refused: for
//! people, below `/readyz?verbose`.

use std::fmt::{self, Display, Write as _};

use crate::reload::{Reloadable, What};
use crate::tls::{Credentials, Side, Standing, now_s, time};

impl Reloadable {
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        // Into a string nothing fails.
        let _whole = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let catalog = self.in_force.standing();
        let revision = catalog.revision.as_str();
        taken(text, What::Catalog, revision, catalog.taken_us)?;
        if let Some(failed) = &catalog.failed {
            refused(text, failed.at_us, &failed.problems)?;
        }
        side(text, &self.server)?;
        side(text, &self.client)
    }
}

fn side<S: Side>(text: &mut String, credentials: &Credentials<S>) -> fmt::Result {
    let Standing {
        digest,
        taken_us,
        expiries,
        failed,
    } = credentials.standing();
    taken(text, S::WHAT, &digest, taken_us)?;
    let now_s = now_s();
    for expiry in expiries {
        let (what, file) = (expiry.what, expiry.file.display());
        let (at, days) = (time(expiry.at_s), expiry.days_left(now_s));
        writeln!(text, "  {what} {at}, {days} days left: {file}")?;
    }
    match failed {
        Some(failed) => refused(text, failed.at_us, &failed.error.told()),
        None => Ok(()),
    }
}

fn taken(text: &mut String, what: What, which: &str, at_us: i64) -> fmt::Result {
    writeln!(text, "{} {which}", what.as_str())?;
    writeln!(text, "  taken {}", seconds(at_us))
}

fn refused(text: &mut String, at_us: i64, why: &impl Display) -> fmt::Result {
    writeln!(text, "  refused {}", seconds(at_us))?;
    for line in why.to_string().lines() {
        writeln!(text, "    {line}")?;
    }
    Ok(())
}

fn seconds(unix_us: i64) -> String {
    time(unix_us.div_euclid(1_000_000))
}
