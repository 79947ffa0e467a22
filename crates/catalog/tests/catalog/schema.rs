//! R91: the schema for editors and the loader, held against each other key by key, so that neither
//! can drift from the other.

use std::collections::BTreeSet;

use motlan_catalog::{
    AgencyCode, AgreementId, DatasetId, ProcedureCode, Span, SystemId, agreement_schema,
};
use regex::Regex;
use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use crate::small::{HOLDERS, Small};

/// Has every key that there is, and loads.
const FULL: &str = include_str!("schema/full.toml");
const FILE: &str = "agreements/g01-h26.toml";

/// Keys whose absence is a fault only beside another, or of one of two.
const DEPENDENT: [&str; 4] = [
    "test.consent",
    "test.fields",
    "mask.keep_first",
    "mask.keep_last",
];

/// Texts of the shape of some name, and of none.
const SHAPES: [&str; 39] = [
    "a",
    "",
    " ",
    "a b",
    "g10-h26-land-2026",
    "-a",
    ".a",
    "a.b_c",
    "đ",
    "G01",
    "G1",
    "g01",
    "G18.01.02.03",
    "G18.01.02.03.04",
    "G01 ",
    "civil_status",
    "Land",
    "_a",
    "H26/one-stop",
    "H26/o",
    "H26/one-",
    "H26/",
    "H26/One",
    "H26.01/a-1",
    "/one",
    "1.004222",
    "4.004222",
    "1.04222",
    "1.0042222",
    "1.004222.000.00.00.H26",
    "1.004222.000.00.00.H26.01",
    "07:30-11:30",
    "7:30-11:30",
    "00:00-24:00",
    "24:00-24:00",
    "07:60-11:30",
    "07:30-24:01",
    "07:30",
    "07:30-25:00",
];

/// One key of the schema, with the way to it.
struct Key {
    path: Vec<String>,
    schema: Map<String, Json>,
    is_required: bool,
}

impl Key {
    fn name(&self) -> &str {
        self.path.last().unwrap()
    }

    /// The last two steps of the way.
    fn short(&self) -> String {
        let last: Vec<_> = self.path.iter().rev().take(2).rev().cloned().collect();
        last.join(".")
    }

    /// What the example has.
    fn value(&self) -> Value {
        holder(&mut full(), &self.path).unwrap()[self.name()].clone()
    }

    fn is(&self, kind: &str) -> bool {
        self.schema.get("type") == Some(&Json::from(kind))
    }
}

/// Every key of the schema, those of inner tables too.
fn keys() -> Vec<Key> {
    let schema: Json = serde_json::from_str(&agreement_schema()).unwrap();
    let mut keys = Vec::new();
    walk(&schema, &[], &mut keys);
    assert!(keys.len() > 50, "{}", keys.len());
    keys
}

fn walk(table: &Json, path: &[String], keys: &mut Vec<Key>) {
    assert_eq!(table["additionalProperties"], false, "{path:?}");
    let required = table.get("required").and_then(Json::as_array);
    for (name, schema) in table["properties"].as_object().unwrap() {
        let path = [path, std::slice::from_ref(name)].concat();
        let inner = schema.get("items").unwrap_or(schema);
        if inner["type"] == "object" {
            walk(inner, &path, keys);
        }
        keys.push(Key {
            path,
            schema: schema.as_object().unwrap().clone(),
            is_required: required.is_some_and(|all| all.contains(&Json::from(name.as_str()))),
        });
    }
}

fn full() -> Table {
    FULL.parse().unwrap()
}

/// The first table at the way's end that has its last key.
fn holder<'t>(table: &'t mut Table, path: &[String]) -> Option<&'t mut Table> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return table.contains_key(first).then_some(table);
    }
    match table.get_mut(first)? {
        Value::Table(inner) => holder(inner, rest),
        Value::Array(inner) => {
            let mut tables = inner.iter_mut().filter_map(Value::as_table_mut);
            tables.find_map(|inner| holder(inner, rest))
        }
        _ => None,
    }
}

/// Loads agreements again and again, in one folder.
struct Loader(Small);

impl Loader {
    fn new() -> Self {
        let small = Small::new();
        small.write("systems/holders.toml", HOLDERS);
        let loader = Self(small);
        assert_eq!(loader.faults(&full()), Vec::<String>::new());
        loader
    }

    fn faults(&self, agreement: &Table) -> Vec<String> {
        self.0.write(FILE, agreement.to_string());
        let faults = self.0.load().err().into_iter().flatten();
        faults.map(|fault| fault.to_string()).collect()
    }

    /// What is told where a key has this value, or none.
    fn with(&self, key: &Key, value: Option<Value>) -> Vec<String> {
        let mut agreement = full();
        let table = holder(&mut agreement, &key.path);
        let table = table.unwrap_or_else(|| panic!("`{:?}` is not in the example", key.path));
        match value {
            Some(value) => table.insert(key.name().to_owned(), value),
            None => table.remove(key.name()),
        };
        self.faults(&agreement)
    }
}

#[test]
fn the_schema_and_the_loader_know_the_same_keys() {
    const STRANGE: &str = "zzzzzzzzzzzzzzzz";
    let loader = Loader::new();
    let keys = keys();
    let tables: BTreeSet<_> = keys
        .iter()
        .map(|key| &key.path[..key.path.len() - 1])
        .collect();
    assert_eq!(tables.len(), 8);
    for table in tables {
        let of_table =
            |key: &&Key| key.path.len() == table.len() + 1 && key.path.starts_with(table);
        let known: BTreeSet<_> = keys.iter().filter(of_table).map(Key::name).collect();
        let mut agreement = full();
        let some = [table, &[(*known.first().unwrap()).to_owned()]].concat();
        let holder = holder(&mut agreement, &some).unwrap();
        holder.insert(STRANGE.to_owned(), Value::from(true));
        let told = loader.faults(&agreement).join("\n");
        let (_, list) = told.split_once("remove it; known are `").unwrap();
        let list = list.lines().next().unwrap().trim_end_matches('`');
        assert_eq!(
            list.split("`, `").collect::<BTreeSet<_>>(),
            known,
            "{table:?}"
        );
    }
}

#[test]
fn what_the_schema_demands_the_loader_demands_and_nothing_else() {
    let loader = Loader::new();
    for key in keys() {
        if DEPENDENT.contains(&key.short().as_str()) {
            continue;
        }
        let told = loader.with(&key, None);
        assert_eq!(
            told.is_empty(),
            !key.is_required,
            "{:?}: {told:?}",
            key.path
        );
    }
}

#[test]
fn a_value_of_another_kind_is_refused_by_both() {
    let loader = Loader::new();
    for key in keys() {
        let other = match key.schema["type"].as_str().unwrap() {
            "string" => Value::from(7),
            "integer" | "array" | "object" | "boolean" => Value::from("7"),
            other => panic!("{other}"),
        };
        let told = loader.with(&key, Some(other));
        assert!(
            told.join("\n").contains(key.name()),
            "{:?}: {told:?}",
            key.path
        );
    }
}

#[test]
fn a_number_has_the_same_bounds_in_both() {
    let loader = Loader::new();
    let mut count = 0;
    for key in keys().into_iter().filter(|key| key.is("integer")) {
        let bound = |name: &str| key.schema[name].as_i64().unwrap();
        let (least, most) = (bound("minimum"), bound("maximum"));
        for (number, fits) in [
            (least, true),
            (least - 1, false),
            (most, true),
            (most + 1, false),
        ] {
            let told = loader.with(&key, Some(Value::from(number)));
            assert_eq!(told.is_empty(), fits, "{:?} = {number}: {told:?}", key.path);
        }
        count += 1;
    }
    assert!(count > 10, "{count}");
}

#[test]
fn a_word_of_a_closed_set_is_known_to_both_and_no_other_is() {
    let loader = Loader::new();
    let mut count = 0;
    for key in keys() {
        let is_list = key.is("array");
        let one = if is_list {
            &key.schema["items"]
        } else {
            &Json::from(key.schema.clone())
        };
        let Some(words) = one.get("enum").and_then(Json::as_array) else {
            continue;
        };
        let value = |word: &str| {
            if is_list {
                Value::from(vec![word])
            } else {
                Value::from(word)
            }
        };
        for word in words {
            let told = loader.with(&key, Some(value(word.as_str().unwrap())));
            assert!(told.is_empty(), "{:?} = {word}: {told:?}", key.path);
        }
        assert!(
            !loader.with(&key, Some(value("whatever"))).is_empty(),
            "{:?}",
            key.path
        );
        count += words.len();
    }
    assert_eq!(count, 7 + 4 + 3 + 2);
}

#[test]
fn a_list_has_the_same_lengths_in_both() {
    let loader = Loader::new();
    for key in keys()
        .into_iter()
        .filter(|key| key.is("array") && key.name() != "days")
    {
        let least = key
            .schema
            .get("minItems")
            .and_then(Json::as_u64)
            .unwrap_or_default();
        let most = key.schema["maxItems"].as_u64().unwrap();
        // Of tables, empty ones: many full ones would be beyond the longest file.
        let first = match &key.schema["items"]["type"] {
            kind if kind == "object" => Value::from(Table::new()),
            _ => key.value()[0].clone(),
        };
        let told = |count: u64| {
            let many = vec![first.clone(); usize::try_from(count).unwrap()];
            loader.with(&key, Some(Value::from(many))).join("\n")
        };
        // An item that stands often may be another fault; one too many is told by its number.
        let beyond = most + 1;
        for due in [format!(" {beyond} "), format!("names {beyond};")] {
            assert!(!told(most).contains(&due), "{:?}", key.path);
        }
        let said = told(beyond);
        let due = [format!(" {beyond} "), format!("names {beyond};")];
        assert!(
            due.iter().any(|due| said.contains(due)),
            "{:?}: {said}",
            key.path
        );
        if least > 0 {
            assert!(!told(0).is_empty(), "{:?}", key.path);
        }
        if least == 0 && !DEPENDENT.contains(&key.short().as_str()) {
            assert_eq!(told(0), "", "{:?}", key.path);
        }
    }
}

#[test]
fn a_name_has_the_same_shape_in_both() {
    let keys = keys();
    let shape = |way: &str| {
        let key = keys.iter().find(|key| key.path.join(".") == way).unwrap();
        let schema = Json::from(key.schema.clone());
        let one = schema.get("items").unwrap_or(&schema).clone();
        let pattern = Regex::new(one["pattern"].as_str().unwrap()).unwrap();
        let most = one
            .get("maxLength")
            .and_then(Json::as_u64)
            .unwrap_or(u64::MAX);
        move |text: &str| pattern.is_match(text) && text.len() as u64 <= most
    };
    fn read<T: std::str::FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }
    type Reader = fn(&str) -> bool;
    let kinds: [(&str, Reader); 6] = [
        ("id", read::<AgreementId>),
        ("provider", read::<AgencyCode>),
        ("grant.dataset", read::<DatasetId>),
        ("grant.systems", read::<SystemId>),
        ("grant.procedures", read::<ProcedureCode>),
        ("grant.hours", read::<Span>),
    ];
    let long = "a".repeat(129);
    let samples = || SHAPES.into_iter().chain([long.as_str()]);
    for (way, read) in kinds {
        let fits = shape(way);
        let good = samples().filter(|text| read(text)).count();
        assert!(good > 0 && good < SHAPES.len(), "{way}");
        for text in samples() {
            assert_eq!(fits(text), read(text), "{way}: {text}");
        }
    }
}
