//! What a `Collect` asks for, checked as a whole: nobody is asked anything before all of it is
//! found good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::Date;
use motlan_api::audit::v1::Channel;
use motlan_api::once::v1 as wire;
use motlan_catalog::{Once, ProcedureCode, SystemId};
use motlan_exchange::Statement;
use motlan_once::{Piece, Wanted, deadline, dossier_code, intake};
use prost::Message;
use tonic::Code;

use super::declared;
use super::dossier::{Dossier, Part, today};
use super::plan::{Unplanned, law, lawful};
use crate::enforced::Enforced;
use crate::identity::{APPROVALS_SHOWN_MAX, Peer};
use crate::lookup::{CITED_BYTES_MAX, Lookups, TraceParent, WireError, patience};
use crate::state::Upkeep;

/// A desk's clock may be ahead of ours by at most this much.
const CLOCK_AHEAD_US_MAX: i64 = 5_000_000;
/// A caller waits at least this long, or as long as any lookup may take: else whoever gave
/// providers no time could say that they are unavailable.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
/// What was declared of one component, as it is kept with the ground that comes of it.
const DECLARED_BYTES_MAX: usize = 16 * 1024;
/// So much of a caller's time is kept back from the lookups, beside what each of them keeps back.
const RESERVE: Duration = Duration::from_millis(150);

/// A call with a right token. Personal: does not print.
pub(super) struct Arrived<'a> {
    pub(super) set: Arc<Enforced>,
    pub(super) peer: Peer,
    pub(super) token: &'a str,
    pub(super) statement: Arc<Statement>,
    pub(super) headers: &'a HeaderMap,
    pub(super) now_us: i64,
    pub(super) begun: Instant,
}

/// What is wrong, by field.
#[derive(Default)]
struct Faults {
    found: Vec<(String, String)>,
    /// How many were found besides.
    more: usize,
}

impl Faults {
    fn push(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.found.push((field.into(), what.into()));
    }
}

impl Arrived<'_> {
    /// The dossier and its components.
    ///
    /// # Errors
    /// All that is wrong at once, by field, and never a value.
    pub(super) fn checked(
        self,
        request: wire::CollectRequest,
        lookups: &Lookups,
        upkeep: &Upkeep,
    ) -> Result<(Dossier, Vec<Part>), WireError> {
        let set = Arc::clone(&self.set);
        let day = today(self.now_us);
        let once = law(&set)?;
        if !once.law.is_in_force(day) {
            return Err(not_in_force(once));
        }
        if upkeep.state().is_none() {
            return Err(stateless());
        }
        let mut faults = Faults::default();
        let patience = self.patience(lookups, &mut faults)?;
        self.check_purpose(&request, &mut faults);
        let (channel, received_us) = self.received(&request, once, &mut faults);
        let mut pieces = pieces(&set, &request, day, &mut faults)?;
        let mut parts = Vec::with_capacity(pieces.len());
        for (wanted, index) in request.components.into_iter().zip(0_u32..) {
            self.check_shown(&wanted, index, upkeep, &mut faults);
            parts.extend(pieces.next().map(|piece| part(wanted, index, piece)));
        }
        // R99: all of it is right, or nothing is asked and nothing recorded.
        if !faults.found.is_empty() {
            return Err(WireError::malformed(faults.found, faults.more));
        }
        let dossier = Dossier {
            procedure: self.statement.procedure.clone(),
            variant: request.variant,
            code: request.dossier,
            channel,
            received_us,
            due_us: due_us(once, channel, received_us),
            trace: TraceParent::of(self.headers),
            token: self.token.to_owned(),
            statement: self.statement,
            set: self.set,
            peer: self.peer,
            begun: self.begun,
            end: self.begun + patience,
        };
        Ok((dossier, parts))
    }

    /// R43: how long providers may take.
    fn patience(&self, lookups: &Lookups, faults: &mut Faults) -> Result<Duration, WireError> {
        let named = patience(self.headers)?;
        let longest = lookups.patience(None);
        if named.is_some_and(|named| named < PATIENCE_MIN.min(longest)) {
            let least = PATIENCE_MIN.as_secs();
            let what = format!("must be at least {least} s, or providers cannot be asked in it");
            faults.push("grpc-timeout", what);
        }
        // A component is recorded and signed after its last lookup.
        Ok(lookups.patience(named.map(|named| named.saturating_sub(RESERVE))))
    }

    /// That the official signed for this very purpose.
    fn check_purpose(&self, request: &wire::CollectRequest, faults: &mut Faults) {
        let statement = &self.statement;
        let named = [
            (
                "procedure",
                statement.procedure.as_str(),
                &request.procedure,
            ),
            (
                "variant",
                statement.variant.as_deref().unwrap_or_default(),
                &request.variant,
            ),
            (
                "dossier",
                statement.dossier.as_deref().unwrap_or_default(),
                &request.dossier,
            ),
        ];
        for (field, signed, asked) in named {
            if signed != asked {
                faults.push(
                    field,
                    format!("must be what the token's `purpose.{field}` says"),
                );
            }
        }
        let system = &self.peer.system.id;
        if let Some(other) = edition_of_another(&statement.procedure, system) {
            let what = format!("must not be the edition of `{other}`, which is another agency's");
            faults.push("procedure", what);
        }
        if let Err(fault) = dossier_code(&request.dossier) {
            faults.push("dossier", fault.to_string());
        }
        if statement.incident.is_some() {
            let what = "must not be in the token: an emergency is no dossier to collect for";
            faults.push("purpose.incident", what);
        }
    }

    /// How the dossier came in, and when.
    fn received(
        &self,
        request: &wire::CollectRequest,
        once: &Once,
        faults: &mut Faults,
    ) -> (Channel, i64) {
        let channel = request.channel();
        if channel == Channel::Unspecified {
            faults.push("channel", "must be `CHANNEL_ONLINE` or `CHANNEL_PAPER`");
        }
        let received_us = match request.received_us {
            0 => self.now_us,
            // Whoever counts in other units ends up here, or ahead.
            received_us if today(received_us) < once.law.valid_from => {
                let from = once.law.valid_from;
                let what = format!("must be microseconds since 1970, and not before {from}");
                faults.push("received_us", what);
                self.now_us
            }
            received_us if received_us > self.now_us.saturating_add(CLOCK_AHEAD_US_MAX) => {
                faults.push("received_us", "must not lie ahead");
                self.now_us
            }
            received_us => received_us.min(self.now_us),
        };
        (channel, received_us)
    }

    /// What of a component's texts others must have signed, the grant that it cites, and how long
    /// is what was declared.
    fn check_shown(&self, wanted: &wire::Wanted, index: u32, upkeep: &Upkeep, faults: &mut Faults) {
        let field = |name: &str| format!("components[{index}].{name}");
        if wanted.grant.len() > CITED_BYTES_MAX {
            let what = format!("must have at most {CITED_BYTES_MAX} bytes");
            faults.push(field("grant"), what);
        }
        let declared = wanted.declared.as_ref().map(Message::encoded_len);
        if declared.is_some_and(|bytes| bytes > DECLARED_BYTES_MAX) {
            let what = format!("must have at most {DECLARED_BYTES_MAX} bytes");
            faults.push(field("declared"), what);
        }
        if wanted.approvals.len() > APPROVALS_SHOWN_MAX {
            let what = format!("must be at most {APPROVALS_SHOWN_MAX}");
            faults.push(field("approvals"), what);
            return;
        }
        let asking = &self.peer.system.id;
        let is_revoked = |issuer: &SystemId, id: &str| upkeep.is_revoked(issuer, id);
        let shown = |consent, approvals: &[&str]| {
            let shown = self
                .set
                .tokens
                .shown(asking, consent, approvals, &is_revoked);
            shown.map(drop).map_err(|error| error.to_string())
        };
        let consent = Some(wanted.consent.as_str()).filter(|it| !it.is_empty());
        if let Err(what) = shown(consent, &[]) {
            faults.push(field("consent"), format!("is not accepted: {what}"));
        }
        let approvals: Vec<&str> = wanted.approvals.iter().map(String::as_str).collect();
        if let Err(what) = shown(None, &approvals) {
            faults.push(field("approvals"), format!("are not accepted: {what}"));
        }
    }
}

/// Whose local edition of a procedure it is, where that is not the agency of `system`. Editions
/// are of whole provinces and ministries.
fn edition_of_another<'p>(procedure: &'p ProcedureCode, system: &SystemId) -> Option<&'p str> {
    let edition = procedure
        .as_str()
        .strip_prefix(procedure.national().as_str())?;
    let (_, owner) = edition.rsplit_once('.')?;
    let agency = system.agency();
    let (first, _) = agency
        .as_str()
        .split_once('.')
        .unwrap_or((agency.as_str(), ""));
    (owner != first).then_some(owner)
}

/// What is to be done for each component, in their order; none where anything is wrong.
fn pieces(
    set: &Enforced,
    request: &wire::CollectRequest,
    day: Date,
    faults: &mut Faults,
) -> Result<std::vec::IntoIter<Piece>, WireError> {
    let plan = match lawful(set, &request.procedure, &request.variant) {
        Ok(plan) => plan,
        Err(Unplanned::Field(field, what)) => {
            faults.push(field, what);
            return Ok(Vec::new().into_iter());
        }
        Err(lawless @ Unplanned::Lawless) => return Err(lawless.into()),
    };
    let wanted = request.components.iter().map(|wanted| Wanted {
        document: wanted.document.clone(),
        subject: wanted.subject.clone(),
        declared: wanted.declared.as_ref().map(declared::object),
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let taken = intake(&set.catalog, &plan, &wanted, day);
    let pieces = taken.unwrap_or_else(|found| {
        faults.more += found.more;
        for fault in found.told {
            faults.push(fault.field, fault.what);
        }
        Vec::new()
    });
    Ok(pieces.into_iter())
}

fn part(wanted: wire::Wanted, index: u32, piece: Piece) -> Part {
    let some = |text: String| Some(text).filter(|it| !it.is_empty());
    Part {
        index,
        piece,
        grant: some(wanted.grant),
        consent: some(wanted.consent),
        approvals: wanted.approvals,
        declared: wanted.declared.map(|sent| sent.encode_to_vec()),
    }
}

/// By when the applicant must be told; none where the working days of that time are not settled.
fn due_us(once: &Once, channel: Channel, received_us: i64) -> Option<i64> {
    let channel = match channel {
        Channel::Online => motlan_once::Channel::Online,
        Channel::Paper => motlan_once::Channel::Paper,
        Channel::Unspecified => return None,
    };
    let received = Timestamp::from_microsecond(received_us).ok()?;
    let due = deadline(&once.calendar, &once.law.notice, channel, received);
    due.ok().map(Timestamp::as_microsecond)
}

fn not_in_force(once: &Once) -> WireError {
    let law = &once.law;
    let message = format!(
        "{} is in force from {} to {}",
        law.instrument, law.valid_from, law.valid_until
    );
    WireError::new(Code::FailedPrecondition, "LAW_NOT_IN_FORCE", message)
}

fn stateless() -> WireError {
    let message = "this gateway has no state in which corrections could be kept; tell the operator";
    WireError::new(Code::FailedPrecondition, "STATE_ABSENT", message)
}
