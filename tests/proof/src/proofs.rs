//! What is claimed of the rules, each claim proved or broken.

use cedar_policy::{PolicySet, Schema};

use crate::goals::{self, Goal};
use crate::prover::Prover;
use crate::texts;

/// Any rule that an owner can write.
pub(crate) const OWNERS: &str = "forbid (principal, action, resource) when { context.owner_says };";

/// What must hold of the rules.
pub(crate) enum Claim {
    /// A rule that fails would be skipped by the engine; the gateway refuses then.
    NothingFails,
    /// What is never allowed is true of nothing else than what is sometimes allowed.
    EachActionIsAllowed,
    OwnersTakeAway,
    Within(Box<Goal>),
}

impl Claim {
    pub(crate) fn all(schema: &Schema) -> anyhow::Result<Vec<Self>> {
        let goals = goals::all(schema)?
            .into_iter()
            .map(|goal| Self::Within(Box::new(goal)));
        let besides = [
            Self::NothingFails,
            Self::EachActionIsAllowed,
            Self::OwnersTakeAway,
        ];
        Ok(besides.into_iter().chain(goals).collect())
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::NothingFails => "no rule ever fails to evaluate",
            Self::EachActionIsAllowed => "every action is allowed in some case",
            Self::OwnersTakeAway => "an owner's rule, whatever it says, can only take away",
            Self::Within(goal) => &goal.claim,
        }
    }

    /// What breaks the claim, for people to read; nothing where it is proved.
    pub(crate) async fn broken(
        &self,
        prover: &mut Prover,
        rules: &PolicySet,
        owners: &str,
    ) -> anyhow::Result<Option<String>> {
        match self {
            Self::NothingFails => {
                for rule in rules.policies() {
                    if let Some(shown) = prover.failing(rule).await? {
                        let reason = texts::reason(rules, rule.id());
                        return Ok(Some(format!("    {reason} fails on\n{shown}")));
                    }
                }
                Ok(None)
            }
            Self::EachActionIsAllowed => {
                let never = prover.never_allowed(rules).await?;
                Ok(never.map(|action| format!("    {action} never is\n")))
            }
            Self::OwnersTakeAway => {
                let with = texts::joined(rules, owners, prover.schema())?;
                let shown = prover.beyond(&with, rules).await?;
                Ok(shown.map(|shown| shown.to_string()))
            }
            Self::Within(goal) => {
                let shown = prover.beyond(rules, &goal.bound).await?;
                Ok(shown.map(|shown| shown.to_string()))
            }
        }
    }
}

/// Tells of every claim whether it is proved, and answers whether all are.
pub(crate) async fn run(prover: &mut Prover) -> anyhow::Result<bool> {
    let rules = texts::rules(texts::GUARDS, prover.schema())?;
    let mut all = true;
    for claim in Claim::all(prover.schema())? {
        match claim.broken(prover, &rules, OWNERS).await? {
            None => println!("proved  {}", claim.text()),
            Some(shown) => {
                println!("FALSE   {}\n{shown}", claim.text());
                all = false;
            }
        }
    }
    Ok(all)
}
