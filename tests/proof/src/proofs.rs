//! What is claimed of the rules, each claim proved or broken.

use cedar_policy::Schema;

use crate::goals::{self, Goal};
use crate::prover::Prover;
use crate::rules::Rules;
use crate::texts;

/// What must hold of the rules.
pub(crate) enum Claim {
    /// A rule that fails would be skipped by the engine; the gateway refuses then.
    NothingFails,
    /// What is never allowed is true of nothing else than what is sometimes allowed.
    EachActionIsAllowed,
    /// In both directions: the one is asked for the other.
    JoinedSaysTheSame,
    OwnersTakeAway,
    Within(Box<Goal>),
}

impl Claim {
    pub(crate) fn all(schema: &Schema) -> anyhow::Result<Vec<Self>> {
        let goals = goals::all(schema)?.into_iter();
        let mut claims = vec![
            Self::NothingFails,
            Self::EachActionIsAllowed,
            Self::JoinedSaysTheSame,
            Self::OwnersTakeAway,
        ];
        claims.extend(goals.map(|goal| Self::Within(Box::new(goal))));
        Ok(claims)
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::NothingFails => "no rule ever fails to evaluate",
            Self::EachActionIsAllowed => "every action is allowed in some case",
            Self::JoinedSaysTheSame => "the joined rule allows what the rules allow, and no more",
            Self::OwnersTakeAway => "an owner's rule, whatever it says, can only take away",
            Self::Within(goal) => &goal.claim,
        }
    }

    /// What breaks the claim, for people to read; nothing where it is proved.
    pub(crate) async fn broken(
        &self,
        prover: &mut Prover,
        rules: &Rules,
    ) -> anyhow::Result<Option<String>> {
        let Rules {
            whole,
            joined,
            owners,
        } = rules;
        match self {
            Self::NothingFails => {
                for rule in whole.policies().chain(joined.policies()) {
                    if let Some(shown) = prover.failing(rule).await? {
                        let reason = texts::reason(rule);
                        return Ok(Some(format!("    {reason} fails on\n{shown}")));
                    }
                }
                Ok(None)
            }
            Self::EachActionIsAllowed => {
                let never = prover.never_allowed(whole).await?;
                Ok(never.map(|action| format!("    {action} never is\n")))
            }
            Self::JoinedSaysTheSame => {
                let more = prover.beyond(joined, whole).await?;
                let shown = match more {
                    Some(shown) => Some(shown),
                    None => prover.beyond(whole, joined).await?,
                };
                Ok(shown.map(|shown| shown.to_string()))
            }
            Self::OwnersTakeAway => {
                let with = texts::with(whole, owners)?;
                let shown = prover.beyond(&with, whole).await?;
                Ok(shown.map(|shown| shown.to_string()))
            }
            Self::Within(goal) => {
                let shown = prover.beyond(whole, &goal.bound).await?;
                Ok(shown.map(|shown| shown.to_string()))
            }
        }
    }
}

/// Tells of every claim whether it is proved, and answers whether all are.
pub(crate) async fn run(prover: &mut Prover) -> anyhow::Result<bool> {
    let rules = Rules::of(texts::GUARDS, prover.schema())?;
    let mut all = true;
    for claim in Claim::all(prover.schema())? {
        match claim.broken(prover, &rules).await? {
            None => println!("proved  {}", claim.text()),
            Some(shown) => {
                println!("FALSE   {}\n{shown}", claim.text());
                all = false;
            }
        }
    }
    Ok(all)
}
