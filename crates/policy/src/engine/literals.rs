//! Things that an owner's rules name, as in `System::"H26/one-stop"`.

use motlan_catalog::Catalog;
use serde_json::{Map, Value};

/// What may not be named, or not there, with what to do about it.
pub(super) fn faults(rule: &Value, catalog: &Catalog) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    walk(rule, catalog, &mut found);
    found
}

fn walk(value: &Value, catalog: &Catalog, found: &mut Vec<(String, &'static str)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, catalog, found)),
        Value::Object(entries) => {
            if let Some((kind, id)) = literal(entries)
                && !is_known(kind, id, catalog)
            {
                let remedy = "name a system, an agency or a grant of the catalogue";
                found.push((format!("names the unknown `{kind}::\"{id}\"`"), remedy));
            }
            // What is read of a thing must not differ where an agreement is tried alone.
            for reads in [".", "has", "in", "is", "getTag", "hasTag"] {
                let left = entries.get(reads).and_then(|of| of.get("left"));
                if left.is_some_and(holds_literal) {
                    let remedy = "read what is asked for, of `principal` and `resource`";
                    found.push(("reads a thing that it names".to_owned(), remedy));
                }
            }
            entries
                .values()
                .for_each(|inner| walk(inner, catalog, found));
        }
        _ => {}
    }
}

fn literal(entries: &Map<String, Value>) -> Option<(&str, &str)> {
    let text = |key: &str| entries.get(key).and_then(Value::as_str);
    text("type").zip(text("id"))
}

fn holds_literal(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_literal),
        Value::Object(entries) => literal(entries).is_some() || entries.values().any(holds_literal),
        _ => false,
    }
}

fn is_known(kind: &str, id: &str, catalog: &Catalog) -> bool {
    match kind {
        "System" => id.parse().is_ok_and(|id| catalog.system(&id).is_some()),
        "Agency" => id.parse().is_ok_and(|id| catalog.agency(&id).is_some()),
        "Grant" => {
            let mut grants = catalog.agreements().iter().flat_map(|one| &one.grants);
            grants.any(|grant| grant.id.as_str() == id)
        }
        // The schema knows them all.
        "Action" => true,
        _ => false,
    }
}
