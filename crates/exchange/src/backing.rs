//! What others have signed for one lookup, and whether it is for this one.
//!
//! A signature says who signed, never that what was signed fits: that is found here, once the
//! question is known. What does not fit does not count, and the refusal that follows says why.

use std::fmt;

use motlan_audit::normalised;
use motlan_catalog::SystemId;
use motlan_mask::covers;
use motlan_policy::{Backing, Refusal};

use crate::caller::Caller;
use crate::limits::alike;
use crate::outcome::Denial;
use crate::question::Ask;

/// A signer's clock may be ahead of ours by at most this much, in seconds.
const CLOCK_AHEAD_S_MAX: i64 = 5;

/// From when until when something that was signed holds, in seconds since the Unix epoch.
#[derive(Clone, Copy)]
pub struct Span {
    /// From then on.
    pub from_s: i64,
    /// Before then.
    pub until_s: i64,
}

impl Span {
    fn holds(self, now_s: i64) -> bool {
        self.from_s <= now_s.saturating_add(CLOCK_AHEAD_S_MAX) && now_s < self.until_s
    }
}

/// A person's consent, as a system signed it that may attest consents. Personal: does not print.
pub struct Consent {
    /// The system that signed it.
    pub issuer: SystemId,
    /// Its name among those of the issuer.
    pub id: String,
    /// Who consents.
    pub subject: String,
    /// The agency that may ask.
    pub recipient: String,
    /// The dataset that may be asked.
    pub dataset: String,
    /// The procedures for which it may be.
    pub procedures: Vec<String>,
    /// The fields that may leave; empty is all that a view gives.
    pub fields: Vec<String>,
    /// When it holds.
    pub span: Span,
    /// Whether it was taken back.
    pub is_revoked: bool,
}

/// That an official approves of one question, as a system of the asking agency signed it.
/// Personal: does not print.
pub struct Approval {
    /// The official who approves.
    pub approver: String,
    /// The system that asks.
    pub system: String,
    /// The official who asks.
    pub official: String,
    /// The method asked, by its path.
    pub method: String,
    /// The procedure that the lookup serves.
    pub procedure: String,
    /// The dossier that it serves.
    pub dossier: Option<String>,
    /// Whom or what it is about.
    pub subject: String,
    /// The grant that is used, `agreement/grant`.
    pub grant: String,
    /// The fields that may be asked for; empty: what the grant gives.
    pub fields: Vec<String>,
    /// When it holds.
    pub span: Span,
}

/// What a caller shows that others have signed. Personal: does not print.
#[must_use]
pub struct Shown {
    consent: Option<Consent>,
    approvals: Vec<Approval>,
}

impl Shown {
    /// States that registered systems signed all of this which may sign it. This crate cannot
    /// check that; `tests/tidy.rs` lists who may state it.
    pub fn assertion(consent: Option<Consent>, approvals: Vec<Approval>) -> Self {
        Self { consent, approvals }
    }

    /// What fits the question of `ask` about `subject` at `now_us`, and why the rest does not.
    pub(crate) fn weighed(
        &self,
        caller: &Caller,
        ask: &Ask,
        subject: &str,
        now_us: i64,
    ) -> Weighed {
        if self.consent.is_none() && self.approvals.is_empty() {
            return Weighed::default();
        }
        let of = Of {
            caller,
            ask,
            subject: normalised(subject),
            now_s: now_us.div_euclid(1_000_000),
        };
        let mut weighed = Weighed::default();
        if let Some(consent) = &self.consent {
            match consent.unfit(&of).as_slice() {
                [] => {
                    weighed.consent = Some(Fitting {
                        issuer: consent.issuer.to_string(),
                        id: consent.id.clone(),
                        fields: consent.fields.clone(),
                    });
                }
                claims => weighed.note(Kind::Consent, "the consent shown", claims),
            }
        }
        let requester = alike(caller.statement.official.expose());
        for (number, approval) in (1..).zip(&self.approvals) {
            let named = format!("approval {number}");
            let approver = alike(&approval.approver);
            let claims = approval.unfit(&of);
            if !claims.is_empty() {
                weighed.note(Kind::Approval, &named, &claims);
            } else if approver == requester {
                // R29: nobody approves of their own question.
                let what = format!("{named} is by the official who asks");
                weighed.unfit.push((Kind::Approval, what));
            } else if weighed.approvers.iter().any(|it| alike(it) == approver) {
                let what = format!("{named} is by an official who approved already");
                weighed.unfit.push((Kind::Approval, what));
            } else {
                weighed.approvers.push(approval.approver.clone());
            }
        }
        weighed
    }
}

/// The question that things are held against.
struct Of<'a> {
    caller: &'a Caller,
    ask: &'a Ask,
    subject: String,
    now_s: i64,
}

impl Consent {
    /// The claims that do not fit.
    fn unfit(&self, of: &Of<'_>) -> Vec<&'static str> {
        let statement = &of.caller.statement;
        let procedure = statement.procedure.as_str();
        misfits(&[
            ("sub", normalised(&self.subject) == of.subject),
            (
                "recipient",
                self.recipient == of.caller.system.agency.as_str(),
            ),
            ("dataset", self.dataset == of.ask.method.dataset.as_str()),
            (
                "procedures",
                self.procedures.iter().any(|it| it == procedure),
            ),
            (TIME, self.span.holds(of.now_s)),
            (REVOKED, !self.is_revoked),
        ])
    }
}

impl Approval {
    /// The claims that do not fit.
    fn unfit(&self, of: &Of<'_>) -> Vec<&'static str> {
        let statement = &of.caller.statement;
        misfits(&[
            (
                "request.system",
                self.system == of.caller.system.id.as_str(),
            ),
            (
                "request.official",
                self.official == statement.official.expose(),
            ),
            ("request.method", self.method == of.ask.method.path),
            (
                "request.procedure",
                self.procedure == statement.procedure.as_str(),
            ),
            ("request.dossier", self.dossier == statement.dossier),
            ("request.subject", normalised(&self.subject) == of.subject),
            // What is approved of is what may leave, too.
            ("request.grant", of.ask.cited.as_ref() == Some(&self.grant)),
            ("request.fields", self.covers(&of.ask.fields)),
            (TIME, self.span.holds(of.now_s)),
        ])
    }
}

impl Approval {
    /// Whether no more is asked for than was approved of.
    fn covers(&self, asked: &[String]) -> bool {
        let within = |path: &String| self.fields.iter().any(|wide| covers(wide, path));
        self.fields.is_empty() || (!asked.is_empty() && asked.iter().all(within))
    }
}

/// What the times are called, together.
const TIME: &str = "iat, nbf and exp";
/// No claim: it was taken back.
const REVOKED: &str = "jti, which was revoked, or could not be";

fn misfits(claims: &[(&'static str, bool)]) -> Vec<&'static str> {
    let unfit = claims.iter().filter(|(_, fits)| !fits);
    unfit.map(|(claim, _)| *claim).collect()
}

/// What others have signed for a question, as far as it fits. The default is nothing.
#[derive(Default)]
pub(crate) struct Weighed {
    pub(crate) consent: Option<Fitting>,
    /// Distinct officials, none of them the one who asks.
    pub(crate) approvers: Vec<String>,
    unfit: Vec<(Kind, String)>,
}

/// A consent that fits.
pub(crate) struct Fitting {
    pub(crate) issuer: String,
    pub(crate) id: String,
    fields: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Consent,
    Approval,
}

impl Weighed {
    fn note(&mut self, kind: Kind, named: &str, claims: &[&str]) {
        let claims = claims.join("`, `");
        let what = format!("{named} does not fit the question in `{claims}`");
        self.unfit.push((kind, what));
    }

    /// How many approve.
    pub(crate) fn approvals(&self) -> u8 {
        u8::try_from(self.approvers.len()).unwrap_or(u8::MAX)
    }

    /// As the policy takes it.
    pub(crate) fn backing<'a>(&'a self, emergency: Option<&'a str>) -> Backing<'a> {
        Backing {
            consented: self.consent.as_ref().map(|it| it.fields.as_slice()),
            approvals: self.approvals(),
            emergency,
        }
    }

    /// The refusal, with what was shown in vain where that may be why.
    pub(crate) fn denial(&self, refusal: Refusal) -> Denial {
        let kind = match refusal {
            Refusal::ConsentRequired { .. } => Some(Kind::Consent),
            Refusal::ApprovalsRequired { .. } | Refusal::SecretNeedsTwo { .. } => {
                Some(Kind::Approval)
            }
            _ => None,
        };
        let unfit = self.unfit.iter().filter(|(of, _)| Some(*of) == kind);
        let unfit: Vec<String> = unfit.map(|(_, what)| what.clone()).collect();
        match unfit.is_empty() {
            true => Denial::Policy(refusal),
            false => Denial::Unbacked {
                refusal,
                in_vain: InVain(unfit),
            },
        }
    }
}

/// What was shown and did not count, in words without any value. Prints behind a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVain(Vec<String>);

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|what| write!(f, "; {what}"))
    }
}
