//! A question on which something does not hold, as the solver made it up.

use std::fmt;

use anyhow::ensure;
use cedar_policy::{Authorizer, Decision, EntityUid, Policy, PolicySet, Response};
use cedar_policy_symcc::Env;

/// Shows the question with all entities that it is about. The engine itself, asked it, does what
/// the solver says.
pub(crate) struct Counterexample(Env);

impl Counterexample {
    /// On which `rule` fails.
    pub(crate) fn failing(shown: Env, rule: &Policy) -> anyhow::Result<Self> {
        let mut alone = PolicySet::new();
        alone.add(rule.clone())?;
        let told = asked(&shown, &alone);
        let fails = told.diagnostics().errors().next().is_some();
        ensure!(
            fails,
            "the engine evaluates what the solver says fails:\n{shown}"
        );
        Ok(Self(shown))
    }

    /// Which `rules` allow, and `bound` does not.
    pub(crate) fn beyond(shown: Env, rules: &PolicySet, bound: &PolicySet) -> anyhow::Result<Self> {
        let allowed = asked(&shown, rules).decision() == Decision::Allow;
        let within = asked(&shown, bound).decision() == Decision::Allow;
        ensure!(
            allowed && !within,
            "the engine does not agree with the solver on:\n{shown}"
        );
        Ok(Self(shown))
    }
}

fn asked(shown: &Env, rules: &PolicySet) -> Response {
    Authorizer::new().is_authorized(&shown.request, rules, &shown.entities)
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Env { request, entities }) = self;
        if let Some(action) = request.action() {
            writeln!(f, "    {action}")?;
        }
        if let Some(context) = request.context() {
            writeln!(f, "    context: {context}")?;
        }
        // Actions tell nothing. Sorted, as the solver's order is none.
        let kind = request.action().map(EntityUid::type_name);
        let mut lines: Vec<String> = Vec::new();
        for entity in entities
            .iter()
            .filter(|it| Some(it.uid().type_name()) != kind)
        {
            let mut line = format!("    {}", entity.uid());
            for ancestor in entities.ancestors(&entity.uid()).into_iter().flatten() {
                line.push_str(&format!(" in {ancestor}"));
            }
            let mut values: Vec<String> = entity
                .attrs()
                .map(|(name, value)| match value {
                    Ok(value) => format!("{name}: {value}"),
                    Err(error) => format!("{name}: {error}"),
                })
                .collect();
            values.sort();
            if !values.is_empty() {
                line.push_str(&format!(": {}", values.join(", ")));
            }
            lines.push(line);
        }
        lines.sort();
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
