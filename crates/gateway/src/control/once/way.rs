//! What is told where a question was refused that the agency could be allowed.

use jiff::Timestamp;
use motlan_catalog::{GrantId, ProcedureCode, SystemId};
use motlan_exchange::Denial;
use motlan_policy::{Moment, Refusal, Way};
use tonic::Code;

use super::dossier::VIETNAM;
use crate::lookup::WireError;

/// Whoever asked, for what, and what came of it.
pub(super) struct Denied<'a> {
    pub(super) system: &'a SystemId,
    pub(super) procedure: &'a ProcedureCode,
    pub(super) cited: Option<&'a str>,
    pub(super) denial: &'a Denial,
}

impl Denied<'_> {
    /// R101: what to change, one thing at a time.
    pub(super) fn told(&self, way: &Way) -> WireError {
        if way.procedure != *self.procedure {
            return edition(&way.procedure);
        }
        if way.system != *self.system {
            return other_system(&way.system);
        }
        if let Some(later) = way.later {
            return other_hour(&way.grants, later);
        }
        match way.grants.iter().any(|grant| self.is_of(grant)) {
            true => WireError::denied(self.denial),
            false => uncited(&way.grants),
        }
    }

    /// Whether the refusal speaks of this grant: then it says itself what stands in the way.
    fn is_of(&self, grant: &GrantId) -> bool {
        let tried = match self.denial {
            Denial::Policy(refusal) | Denial::Unbacked { refusal, .. } => match refusal {
                Refusal::OwnerForbids { grants, .. } => grants.as_slice(),
                _ => &[],
            },
            _ => &[],
        };
        self.cited == Some(grant.as_str()) || tried.contains(grant)
    }
}

fn edition(procedure: &ProcedureCode) -> WireError {
    let message = format!(
        "your agency's grants name the procedure `{procedure}`; name that one, in the token as well"
    );
    precondition("PROCEDURE_EDITION", message)
}

fn other_system(system: &SystemId) -> WireError {
    let message = format!("your agency is given this through its system `{system}`; ask by it");
    precondition("OTHER_SYSTEM", message)
}

fn other_hour(grants: &[GrantId], later: Moment) -> WireError {
    let later = Timestamp::from_millisecond(later.unix_ms()).unwrap_or_default();
    let message = format!(
        "a rule of the owner forbids it at this hour; with {} it can be had on {}",
        named(grants),
        VIETNAM.to_datetime(later).strftime("%d/%m/%Y at %H:%M")
    );
    precondition("OTHER_HOUR", message)
}

fn uncited(grants: &[GrantId]) -> WireError {
    let grants = named(grants);
    let message = format!("another grant would do; cite one of {grants}, with what it demands");
    precondition("GRANT_NOT_CITED", message)
}

fn precondition(reason: &'static str, message: String) -> WireError {
    WireError::new(Code::FailedPrecondition, reason, message)
}

fn named(grants: &[GrantId]) -> String {
    let grants: Vec<&str> = grants.iter().map(GrantId::as_str).collect();
    format!("`{}`", grants.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CITED: &str = "a-1/one";

    /// What is told of a refusal of [`CITED`]: its reason, and the message.
    fn told(
        refusal: Refusal,
        cited: Option<&str>,
        change: impl FnOnce(&mut Way),
    ) -> (String, String) {
        let (system, procedure) = ("H26/one-stop".parse().unwrap(), "1.004222".parse().unwrap());
        let mut way = Way {
            system,
            procedure,
            grants: vec![CITED.parse().unwrap()],
            later: None,
        };
        let (system, procedure) = (way.system.clone(), way.procedure.clone());
        change(&mut way);
        let denied = Denied {
            system: &system,
            procedure: &procedure,
            cited,
            denial: &Denial::Policy(refusal),
        };
        let error = denied.told(&way);
        (error.reason().to_owned(), error.message().to_owned())
    }

    fn forbids() -> Refusal {
        Refusal::OwnerForbids {
            grants: vec![CITED.parse().unwrap()],
            reason: "OWNER_SAYS_SO".into(),
        }
    }

    fn not_covered() -> Refusal {
        Refusal::PurposeNotCovered {
            grants: vec![CITED.parse().unwrap()],
            procedure: String::new(),
        }
    }

    // R101.
    #[test]
    fn what_is_to_be_changed_is_named() {
        let told = |change: fn(&mut Way)| told(not_covered(), None, change);
        let (reason, message) = told(|_| ());
        assert_eq!(reason, "GRANT_NOT_CITED");
        assert!(message.contains(CITED), "{message}");
        let (reason, message) =
            told(|way| way.procedure = "1.004222.000.00.00.H26".parse().unwrap());
        assert_eq!(reason, "PROCEDURE_EDITION");
        assert!(message.contains("`1.004222.000.00.00.H26`"), "{message}");
        let (reason, message) = told(|way| way.system = "H26/second".parse().unwrap());
        assert_eq!(reason, "OTHER_SYSTEM");
        assert!(message.contains("`H26/second`"), "{message}");
        let (reason, message) =
            told(|way| way.later = Some(Moment::from_unix_ms(1_772_416_800_000)));
        assert_eq!(reason, "OTHER_HOUR");
        assert!(message.contains("on 02/03/2026 at 09:00"), "{message}");
    }

    // R101.
    #[test]
    fn a_grant_that_would_do_is_not_told_to_be_cited_where_the_refusal_is_of_it() {
        assert_eq!(told(forbids(), Some(CITED), |_| ()).0, "OWNER_SAYS_SO");
        assert_eq!(told(forbids(), None, |_| ()).0, "OWNER_SAYS_SO");
        assert_eq!(
            told(not_covered(), Some(CITED), |_| ()).0,
            "PURPOSE_NOT_COVERED"
        );
        let other = |way: &mut Way| way.grants = vec!["a-1/two".parse().unwrap()];
        assert_eq!(told(forbids(), Some(CITED), other).0, "GRANT_NOT_CITED");
    }
}
