//! Planted holes: the rules with a mistake in them, and the claim that must notice.

use cedar_policy::{Effect, Schema};

use crate::proofs::Claim;
use crate::prover::Prover;
use crate::rules::{self, Rules};
use crate::texts;

/// A mistake that somebody could make.
struct Mistake {
    /// What stands in the rules.
    from: &'static str,
    /// What it is changed to.
    to: &'static str,
    /// The claim that is no longer true, or words of it.
    breaks: &'static str,
}

const MISTAKES: [Mistake; 13] = [
    Mistake {
        from: "context.now_ms < resource.valid_until_ms",
        to: "context.now_ms + 1 <= resource.valid_until_ms",
        breaks: "no rule ever fails",
    },
    Mistake {
        from: "principal in resource.consumer &&",
        to: "false &&",
        breaks: "every action is allowed in some case",
    },
    Mistake {
        from: "{ principal.suspended }",
        to: "{ principal.suspended && !context.emergency }",
        breaks: "a suspended system",
    },
    Mistake {
        from: "{ resource.procedures.contains(context.procedure) }",
        to: "{ resource.procedures.isEmpty() || resource.procedures.contains(context.procedure) }",
        breaks: "no purpose outside a grant",
    },
    Mistake {
        from: "2 <= context.approvals",
        to: "1 <= context.approvals",
        breaks: "without two approvals",
    },
    Mistake {
        from: "!resource.terms.secret ||",
        to: "!resource.terms.secret || context.emergency ||",
        breaks: "without two approvals",
    },
    Mistake {
        from: "principal in resource.consumer &&",
        to: "",
        breaks: "no system of another agency",
    },
    Mistake {
        from: "context.now_ms < resource.valid_until_ms",
        to: "context.now_ms <= resource.valid_until_ms",
        breaks: "after an agreement's last day",
    },
    Mistake {
        from: "resource.valid_from_ms <= context.now_ms &&",
        to: "",
        breaks: "before an agreement's first day",
    },
    Mistake {
        from: "!resource.terms.break_glass || context.emergency }",
        to: "!resource.terms.break_glass || context.emergency || context.has_dossier }",
        breaks: "a grant for emergencies is never used without one",
    },
    Mistake {
        from: "(context.emergency && resource.terms.relaxes.contains(\"CONSENT_REQUIRED\"))",
        to: "context.emergency",
        breaks: "no consent, no answer",
    },
    Mistake {
        from: "context.local_minute < resource.hours.second_until",
        to: "context.local_minute <= resource.hours.second_until",
        breaks: "before, between and after",
    },
    // Two clauses of one guard are met together; joined they would be demanded each.
    Mistake {
        from: "unless { !resource.terms.secret || 2 <= context.approvals }",
        to: "when { resource.terms.secret } unless { 2 <= context.approvals }",
        breaks: "the joined rule",
    },
];

/// An owner's rule that allows.
const OWNERS_ALLOW: &str = "permit (principal, action, resource) when { context.owner_says };";

/// Rules with a hole in them.
struct Hole {
    what: String,
    rules: Rules,
    /// Words of the claims that may find it.
    breaks: &'static str,
}

/// Plants every hole, and answers whether each was found; tells the counterexamples where `shown`.
pub(crate) async fn run(prover: &mut Prover, shown: bool) -> anyhow::Result<bool> {
    let claims = Claim::all(prover.schema())?;
    let mut all = true;
    for hole in holes(prover.schema())? {
        let mut found = false;
        for claim in claims.iter().filter(|it| it.text().contains(hole.breaks)) {
            if let Some(example) = claim.broken(prover, &hole.rules).await? {
                let example = if shown { example } else { String::new() };
                println!(
                    "found   {}\n    not true: {}\n{example}",
                    hole.what,
                    claim.text()
                );
                found = true;
                break;
            }
        }
        if !found {
            println!("MISSED  {}", hole.what);
            all = false;
        }
    }
    Ok(all)
}

fn holes(schema: &Schema) -> anyhow::Result<Vec<Hole>> {
    let mut holes = Vec::new();
    for mistake in &MISTAKES {
        let text = texts::edited(texts::GUARDS, mistake.from, mistake.to)?;
        holes.push(Hole {
            what: format!("`{}` where `{}` is due", mistake.to, mistake.from),
            rules: Rules::of(&text, schema)?,
            breaks: mistake.breaks,
        });
    }
    let rules = Rules::of(texts::GUARDS, schema)?;
    holes.push(Hole {
        what: "an owner's rule that allows".to_owned(),
        rules: Rules {
            owners: texts::parsed(OWNERS_ALLOW, schema)?,
            ..rules.clone()
        },
        breaks: "an owner's rule",
    });
    let guards = rules.whole.policies();
    for guard in guards.filter(|rule| rule.effect() == Effect::Forbid) {
        let reason = texts::reason(guard);
        let mut fewer = rules.whole.clone();
        fewer.remove_static(guard.id().clone())?;
        let joined = rules::joined(&fewer)?;
        holes.push(Hole {
            what: format!("{reason} not joined"),
            rules: Rules {
                joined: joined.clone(),
                ..rules.clone()
            },
            breaks: "the joined rule",
        });
        // No guard is without a claim that needs it, whichever that is.
        holes.push(Hole {
            what: format!("{reason} dropped"),
            rules: Rules {
                whole: fewer,
                joined,
                ..rules.clone()
            },
            breaks: "",
        });
    }
    Ok(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // R90.
    #[test]
    fn each_mistake_can_be_made_and_breaks_one_claim() {
        let schema = texts::schema().unwrap();
        let claims = Claim::all(&schema).unwrap();
        let rules = Rules::of(texts::GUARDS, &schema).unwrap().whole;
        let guards = rules.policies().count() - 1;
        assert_eq!(
            holes(&schema).unwrap().len(),
            MISTAKES.len() + 1 + 2 * guards
        );
        for mistake in &MISTAKES {
            let broken = claims
                .iter()
                .filter(|it| it.text().contains(mistake.breaks));
            assert_eq!(broken.count(), 1, "{}", mistake.breaks);
        }
    }

    #[test]
    fn a_mistake_in_what_is_not_there_is_none() {
        assert!(texts::edited(texts::GUARDS, "principal.asleep", "true").is_err());
        assert!(texts::edited(texts::GUARDS, "resource is Grant", "resource").is_err());
    }

    #[test]
    fn every_goal_is_a_permit_with_words_of_its_own() {
        let claims = Claim::all(&texts::schema().unwrap()).unwrap();
        let mut texts: Vec<&str> = claims.iter().map(Claim::text).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), claims.len());
    }
}
