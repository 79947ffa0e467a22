//! The texts that the gateway runs, and the same with a change.

use std::str::FromStr as _;

use anyhow::{Context as _, anyhow, ensure};
use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode, Validator,
};
use serde_json::{Value, json};

/// The permit and the guards.
pub(crate) const GUARDS: &str = include_str!("../../../crates/policy/src/rules/guards.cedar");
const SCHEMA: &str = include_str!("../../../crates/policy/src/rules/schema.cedarschema");

/// What an owner's rule says, whatever it is: of a question that it forbids it is true. Nothing in
/// the rules binds it, so that a proof about it is one about every rule that an owner can write.
pub(crate) const OWNER_SAYS: &str = "owner_says";

/// The schema of the rules, whose context has [`OWNER_SAYS`] besides.
pub(crate) fn schema() -> anyhow::Result<Schema> {
    let (fragment, _warnings) = SchemaFragment::from_cedarschema_str(SCHEMA)?;
    let mut schema = fragment.to_json_value()?;
    let namespaces = schema.as_object_mut().context("a schema has namespaces")?;
    for (_, namespace) in namespaces {
        let actions = namespace.get_mut("actions").and_then(Value::as_object_mut);
        for (name, action) in actions.with_context(|| "a schema has actions")? {
            let attributes = action.pointer_mut("/appliesTo/context/attributes");
            let attributes = attributes.and_then(Value::as_object_mut);
            let attributes = attributes.with_context(|| format!("`{name}` has no context"))?;
            let bool = json!({ "type": "EntityOrCommon", "name": "Bool" });
            attributes.insert(OWNER_SAYS.to_owned(), bool);
        }
    }
    Ok(Schema::from_json_value(schema)?)
}

/// The rules of a text, held against the schema as the gateway does.
pub(crate) fn parsed(text: &str, schema: &Schema) -> anyhow::Result<PolicySet> {
    let rules = PolicySet::from_str(text)?;
    let checked = Validator::new(schema.clone()).validate(&rules, ValidationMode::Strict);
    match checked.validation_errors().next() {
        Some(error) => Err(anyhow!("the rules do not fit the schema: {error}")),
        None => Ok(rules),
    }
}

/// `text` with one piece of it replaced, wherever its lines break.
pub(crate) fn edited(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let text = one_line(text);
    let count = text.matches(from).count();
    ensure!(
        count == 1,
        "`{from}` stands {count} times in the rules, and once is due"
    );
    Ok(text.replace(from, to))
}

/// Without comments, and with single spaces: what the rules say does not hang on it.
fn one_line(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let words = lines.flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

/// What the caller would be told where the rule refuses.
pub(crate) fn reason(rule: &Policy) -> &str {
    rule.annotation("reason")
        .unwrap_or("a rule without a reason")
}

/// The rules with those of an owner besides, under names of their own.
pub(crate) fn with(rules: &PolicySet, owners: &PolicySet) -> anyhow::Result<PolicySet> {
    let mut with = rules.clone();
    for rule in owners.policies() {
        let id = PolicyId::new(format!("owner/{}", rule.id()));
        with.add(rule.new_id(id))?;
    }
    Ok(with)
}
