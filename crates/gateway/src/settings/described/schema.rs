//! The shape of the configuration, for editors that complete and check while one writes.

use serde_json::{Map, Value, json};

use super::keys::sections;
use super::{Key, Kind, Often, Section};

impl Kind {
    /// What a person calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Path => "path",
            Self::Address => "address and port",
            Self::Number { .. } => "whole number",
        }
    }
}

/// The JSON Schema (2020-12) of the configuration. What passes it may still have faults: it knows
/// keys, kinds and bounds, and nothing of what they name.
#[must_use]
pub fn configuration_schema() -> String {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for section in sections() {
        match section.often {
            Often::Root => {
                let Value::Object(table) = table(&section) else {
                    continue;
                };
                if let Some(Value::Object(keys)) = table.get("properties") {
                    properties.extend(keys.clone());
                }
                if let Some(Value::Array(names)) = table.get("required") {
                    required.extend(names.clone());
                }
            }
            _ => place(&mut properties, &section),
        }
        if section.often == Often::Once {
            required.push(section.name.into());
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "motlan.toml",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

/// Puts a table where it belongs: within the one that its name begins with, if there is a dot.
fn place(properties: &mut Map<String, Value>, section: &Section) {
    let found = match section.often {
        Often::Many => json!({ "type": "array", "items": table(section) }),
        _ => table(section),
    };
    let inner = section.name.split_once('.').and_then(|(outer, inner)| {
        let outer = properties.get_mut(outer)?.get_mut("properties")?;
        Some((outer.as_object_mut()?, inner))
    });
    match inner {
        Some((outer, inner)) => outer.insert(inner.to_owned(), found),
        None => properties.insert(section.name.to_owned(), found),
    };
}

fn table(section: &Section) -> Value {
    let keys: Map<_, _> = section
        .keys
        .iter()
        .map(|key| (key.name.clone(), value(key)))
        .collect();
    let required = section.keys.iter().filter(|key| key.usual.is_none());
    let required: Vec<_> = required.map(|key| key.name.as_str()).collect();
    json!({
        "description": section.what,
        "type": "object",
        "properties": keys,
        "required": required,
        "additionalProperties": false,
    })
}

fn value(key: &Key) -> Value {
    let mut value = match key.kind {
        Kind::Number { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Text | Kind::Path | Kind::Address => json!({ "type": "string", "pattern": r"\S" }),
    };
    if let Some(value) = value.as_object_mut() {
        value.insert("description".to_owned(), key.what.into());
    }
    value
}
