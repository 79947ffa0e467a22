//! Which denials mean that data cannot be had.
//!
//! A person may be asked for a document where its data cannot be had. So nothing counts as lacking
//! that the one who asks, or the operator, could mend: else leaving out a header would be a way to
//! ask people again.

use motlan_policy::Refusal;

use super::Lack;
use crate::provider::ProviderFault;

/// The gRPC status codes after which the same question may be answered: `DEADLINE_EXCEEDED`,
/// `RESOURCE_EXHAUSTED`, `ABORTED` and `UNAVAILABLE`.
const PASSING: [u32; 4] = [4, 8, 10, 14];

pub(super) fn of_refusal(refusal: &Refusal) -> Lack {
    match refusal {
        // No agreement in force says yes to this system, procedure and field, or the owner's rule
        // says no. Only the agencies together can change that.
        Refusal::NoAgreement { .. }
        | Refusal::AgreementNotInForce { .. }
        | Refusal::PurposeNotCovered { .. }
        | Refusal::SystemNotNamed { .. }
        | Refusal::FieldNotGranted { .. }
        | Refusal::OwnerForbids { .. } => Lack::NotShared,
        // The caller cites another grant, or names one of several, a dossier or existing fields.
        Refusal::GrantUnknown { .. }
        | Refusal::GrantAmbiguous { .. }
        | Refusal::DossierRequired { .. }
        | Refusal::FieldUnknown { .. }
        | Refusal::TooManyFields { .. }
        // The caller shows what a person or other officials sign.
        | Refusal::ConsentRequired { .. }
        | Refusal::FieldNotConsented { .. }
        | Refusal::ApprovalsRequired { .. }
        | Refusal::SecretNeedsTwo { .. }
        // It can be had at another hour, or in an emergency that is one.
        | Refusal::OutsideHours { .. }
        | Refusal::BreakGlassOnly { .. }
        | Refusal::NotForEmergencies { .. }
        | Refusal::OfficialNotNamed { .. }
        // The operator lets the system in again, or repairs the rules.
        | Refusal::SystemSuspended { .. }
        | Refusal::Undecidable { .. } => Lack::Own,
    }
}

pub(super) fn of_fault(fault: &ProviderFault) -> Lack {
    match fault {
        ProviderFault::NotFound => Lack::NotFound,
        ProviderFault::Unreachable | ProviderFault::Silent | ProviderFault::BrokenOff => {
            Lack::Unavailable { again: true }
        }
        // Nobody heard of it: the gateway had too much to do, or too little time.
        ProviderFault::TooLate | ProviderFault::Busy => Lack::Unasked,
        ProviderFault::Failed { status } => Lack::Unavailable {
            again: PASSING.contains(status),
        },
        ProviderFault::Malformed { .. } | ProviderFault::Oversized { .. } => {
            Lack::Unavailable { again: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use motlan_catalog::RequestFault;

    use super::*;
    use crate::duties::DutyFault;
    use crate::limits::Exceeded;
    use crate::outcome::Denial;

    const AGAIN: Lack = Lack::Unavailable { again: true };
    const NOT_AGAIN: Lack = Lack::Unavailable { again: false };

    fn lack(fault: ProviderFault) -> Lack {
        Denial::Provider(fault).lack()
    }

    #[test]
    fn only_what_agencies_have_not_agreed_on_is_not_shared() {
        let (grants, fields) = (Vec::new, Vec::new);
        let (consumer, method) = (String::new(), String::new());
        let shared_by_nobody = [
            Refusal::NoAgreement { consumer, method },
            Refusal::AgreementNotInForce { grants: grants() },
            Refusal::PurposeNotCovered {
                grants: grants(),
                procedure: String::new(),
            },
            Refusal::SystemNotNamed {
                grants: grants(),
                system: String::new(),
            },
            Refusal::FieldNotGranted {
                grant: "a-1/one".parse().unwrap(),
                fields: fields(),
            },
            Refusal::OwnerForbids {
                grants: grants(),
                reason: "OWNER_SAYS_SO".into(),
            },
        ];
        for refusal in shared_by_nobody {
            let reason = refusal.reason().to_owned();
            assert_eq!(Denial::Policy(refusal).lack(), Lack::NotShared, "{reason}");
        }
    }

    // A desk gets no ground by leaving something out.
    #[test]
    fn what_the_caller_or_the_operator_can_mend_is_no_lack_of_data() {
        let grants = Vec::new;
        let mended = [
            Refusal::GrantUnknown {
                cited: String::new(),
                consumer: String::new(),
                method: String::new(),
            },
            Refusal::GrantAmbiguous { grants: grants() },
            Refusal::SystemSuspended {
                system: String::new(),
            },
            Refusal::DossierRequired { grants: grants() },
            Refusal::BreakGlassOnly { grants: grants() },
            Refusal::NotForEmergencies { grants: grants() },
            Refusal::OfficialNotNamed { grants: grants() },
            Refusal::ConsentRequired { grants: grants() },
            Refusal::ApprovalsRequired {
                grants: grants(),
                shown: 0,
            },
            Refusal::SecretNeedsTwo {
                grants: grants(),
                shown: 1,
            },
            Refusal::FieldNotConsented { fields: Vec::new() },
            Refusal::OutsideHours { grants: grants() },
            Refusal::FieldUnknown {
                field: String::new(),
                suggestion: None,
            },
            Refusal::TooManyFields { count: 2, max: 1 },
            Refusal::Undecidable { grants: grants() },
        ];
        for refusal in mended {
            let reason = refusal.reason().to_owned();
            assert_eq!(Denial::Policy(refusal).lack(), Lack::Own, "{reason}");
        }
        assert_eq!(Denial::Request(RequestFault::TooLong).lack(), Lack::Own);
        for fault in [DutyFault::EmergencyOver, DutyFault::Failed] {
            assert_eq!(Denial::Duty(fault).lack(), Lack::Own);
        }
        let retry = std::time::Duration::ZERO;
        let full = Exceeded::Full { retry };
        assert_eq!(Denial::Limit(full).lack(), Lack::Own);
    }

    #[test]
    fn a_provider_is_asked_again_where_that_can_help() {
        assert_eq!(lack(ProviderFault::NotFound), Lack::NotFound);
        for fault in [
            ProviderFault::Unreachable,
            ProviderFault::Silent,
            ProviderFault::BrokenOff,
        ] {
            assert_eq!(lack(fault), AGAIN);
        }
        // R101: what no owner heard of, no owner failed at.
        for fault in [ProviderFault::TooLate, ProviderFault::Busy] {
            assert_eq!(lack(fault), Lack::Unasked);
        }
        let what = String::new();
        let (limit, unit) = (1, "bytes");
        assert_eq!(lack(ProviderFault::Malformed { what }), NOT_AGAIN);
        assert_eq!(lack(ProviderFault::Oversized { limit, unit }), NOT_AGAIN);
        for status in 0..=20 {
            let again = matches!(status, 4 | 8 | 10 | 14);
            let found = lack(ProviderFault::Failed { status });
            assert_eq!(found, Lack::Unavailable { again }, "status {status}");
        }
    }
}
