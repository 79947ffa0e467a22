//! What a ground says, in plain words.

use std::io::{self, Write};

use motlan_api::audit::v1::{Channel, GroundOutcome};
use motlan_audit::{Ground, Proven, SignedGround};

use crate::moment;
use crate::show::{ground_name, plain};

const US_PER_S: i64 = 1_000_000;

/// Tells what a ground says, and what is known of its record.
pub(super) fn tell(
    signed: &SignedGround,
    proven: Option<&Proven>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (ground, origin) = (signed.ground(), signed.origin());
    let signed_at = time_s(signed.issued_s().saturating_mul(US_PER_S));
    writeln!(
        out,
        "The ground is good: the log {origin} signed it at {signed_at}.\n"
    )?;
    for (name, value) in lines(ground) {
        if !value.is_empty() {
            writeln!(out, "  {name:<14}{}", plain(&value))?;
        }
    }
    let record = signed.record();
    match proven {
        Some(proven) => writeln!(
            out,
            "\nIts record {record} stands in a log of {} records, and says the same.",
            proven.size
        ),
        None => writeln!(
            out,
            "\nIts record {record} was NOT looked for: give --receipt FILE or --ledger DIR for \
             that."
        ),
    }
}

fn lines(ground: &Ground) -> Vec<(&'static str, String)> {
    let procedure = match ground.variant.as_str() {
        "" => ground.procedure.clone(),
        variant => format!("{}, variant {variant}", ground.procedure),
    };
    let held = match ground.dataset.as_str() {
        "" => format!("{}, to be held by {}", ground.document, ground.database),
        dataset => format!("{}, held by {dataset}", ground.document),
    };
    let name = ground_name(ground.outcome);
    let due = ground.due_us.map(time_s);
    let lookup = ground.lookup.as_ref().map(ToString::to_string);
    let mut lines = vec![
        ("system", ground.caller.clone()),
        ("dossier", ground.dossier.clone()),
        ("procedure", procedure),
        ("about", ground.subject.clone()),
        ("document", held),
        ("asked because", format!("{} ({name})", why(ground.outcome))),
        ("fields", ground.fields.join(", ")),
    ];
    // As often as there are clauses.
    lines.extend(
        ground
            .clauses
            .iter()
            .map(|clause| ("replaced by", clause.clone())),
    );
    lines.extend([
        (
            "came in",
            format!("{}, {}", time_s(ground.received_us), way(ground.channel)),
        ),
        (
            "to be told by",
            due.unwrap_or_else(|| "not settled: see the official calendar".into()),
        ),
        ("lookup", lookup.unwrap_or_default()),
    ]);
    lines
}

/// A time in whole seconds, as it is in Viet Nam.
fn time_s(time_us: i64) -> String {
    moment::time(time_us).replacen(".000000", "", 1)
}

/// Why a document may be asked for.
fn why(outcome: GroundOutcome) -> &'static str {
    match outcome {
        GroundOutcome::Unspecified => "",
        GroundOutcome::NotPublished => "the database that holds it is not published yet",
        GroundOutcome::NotShared => "no agreement lets this system have it",
        GroundOutcome::NotFound => "its owner has no such record",
        GroundOutcome::Incomplete => "a field that it needs is empty",
        GroundOutcome::Mismatch => "a field differs from what the applicant declared",
        GroundOutcome::Unavailable => "its owner gave no answer that may leave",
    }
}

fn way(channel: Channel) -> &'static str {
    match channel {
        Channel::Unspecified => "",
        Channel::Online => "online",
        Channel::Paper => "on paper",
    }
}
