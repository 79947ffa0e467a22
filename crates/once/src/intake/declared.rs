//! What an applicant declared, read against the contract.
//!
//! The form is proto3's JSON. Not read: maps, bytes, and protobuf's own messages with a JSON form
//! of their own; a field of these cannot be declared. `null` declares nothing, nor does what says
//! nothing where it is held: forms send what was left blank.

use motlan_catalog::document::nearest;
use motlan_catalog::{NESTING_MAX, View};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value as Field};
use serde_json::Value;

use super::IntakeFaults;
use crate::held::{leads_to, says_nothing};
use crate::spelling::alike;

/// The longest name of a field that a fault repeats: what is no field is the caller's own text.
const NAME_BYTES_MAX: usize = 64;
/// The most names of a list that a fault tells.
const NAMES_MAX: usize = 12;
/// Beyond this, a JSON number need not be the integer that was meant.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// What was declared of one message. The default is nothing.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) stated: Vec<Stated>,
}

/// What was declared of one field.
pub(crate) struct Stated {
    pub(crate) field: FieldDescriptor,
    /// Its path in the answer.
    pub(crate) path: String,
    pub(crate) said: Said,
}

/// What was declared.
pub(crate) enum Said {
    /// Text, as it is compared.
    Text(String),
    /// A number, a truth or a name of a list.
    Exactly(Field),
    /// Fields of a message; of others nothing was declared.
    Parts(Declared),
    /// All that there are, in order.
    List(Vec<Said>),
}

impl Declared {
    /// Reads `value`, which stands at `at` of the request.
    pub(crate) fn read(
        value: &Value,
        message: &MessageDescriptor,
        view: &View,
        at: &str,
        faults: &mut IntakeFaults,
    ) -> Self {
        let mut reader = Reader { view, faults };
        reader.message(value, message, "", at, 0)
    }
}

struct Reader<'r> {
    view: &'r View,
    faults: &'r mut IntakeFaults,
}

impl Reader<'_> {
    /// `prefix` leads to the message in the answer, `at` in the request.
    fn message(
        &mut self,
        value: &Value,
        message: &MessageDescriptor,
        prefix: &str,
        at: &str,
        depth: usize,
    ) -> Declared {
        let mut declared = Declared::default();
        let Value::Object(entries) = value else {
            self.faults.push(at, "must be an object");
            return declared;
        };
        if depth >= NESTING_MAX {
            self.faults.push(at, "lies too deep in others");
            return declared;
        }
        for (name, value) in entries {
            if let Some(stated) = self.entry((name, value), message, prefix, at, depth) {
                let twice = declared.stated.iter().any(|it| it.field == stated.field);
                if twice {
                    let at = format!("{at}.{}", stated.field.name());
                    self.faults.push(at, "is there under two names");
                }
                declared.stated.push(stated);
            }
        }
        declared
    }

    fn entry(
        &mut self,
        (name, value): (&String, &Value),
        message: &MessageDescriptor,
        prefix: &str,
        at: &str,
        depth: usize,
    ) -> Option<Stated> {
        let found = message.get_field_by_name(name);
        let Some(field) = found.or_else(|| message.get_field_by_json_name(name)) else {
            let is_name = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'_';
            let what = format!("is no field of `{}`", message.full_name());
            let begins = name.starts_with(|sign: char| sign.is_ascii_alphabetic());
            if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_name) {
                let fields: Vec<_> = message.fields().collect();
                let what = match nearest(name, fields.iter().map(FieldDescriptor::name)) {
                    Some(near) => format!("{what}; did you mean `{near}`?"),
                    None => what,
                };
                self.faults.push(format!("{at}.{name}"), what);
            } else {
                self.faults.push(at, format!("holds a name that {what}"));
            }
            return None;
        };
        let (path, at) = (
            format!("{prefix}{}", field.name()),
            format!("{at}.{}", field.name()),
        );
        if !leads_to(self.view, &path) {
            let what = format!("is not shown by the view `{}`", self.view.name);
            self.faults.push(at, what);
            return None;
        }
        if value.is_null() {
            return None;
        }
        let said = self.said(value, &field, &path, &at, depth)?;
        // R100: what was left blank differs from nothing.
        let says_something = !is_nothing(&said, &field);
        says_something.then_some(Stated { field, path, said })
    }

    fn said(
        &mut self,
        value: &Value,
        field: &FieldDescriptor,
        path: &str,
        at: &str,
        depth: usize,
    ) -> Option<Said> {
        if field.is_map() {
            self.faults.push(at, "is of a type that cannot be declared");
            return None;
        }
        if !field.is_list() {
            return self.one(value, &field.kind(), path, at, depth);
        }
        let Value::Array(values) = value else {
            self.faults.push(at, "must be a list");
            return None;
        };
        let numbered = values.iter().enumerate();
        let said = numbered.map(|(index, value)| {
            let at = format!("{at}[{index}]");
            self.one(value, &field.kind(), path, &at, depth)
        });
        // Each of them is looked at, also after a fault.
        let said: Vec<Option<Said>> = said.collect();
        said.into_iter()
            .collect::<Option<Vec<Said>>>()
            .map(Said::List)
    }

    fn one(
        &mut self,
        value: &Value,
        kind: &Kind,
        path: &str,
        at: &str,
        depth: usize,
    ) -> Option<Said> {
        let read = match kind {
            Kind::Message(message) if message.package_name() != "google.protobuf" => {
                let prefix = format!("{path}.");
                let parts = self.message(value, message, &prefix, at, depth + 1);
                return Some(Said::Parts(parts));
            }
            Kind::Message(_) | Kind::Bytes => {
                Err("is of a type that cannot be declared".to_owned())
            }
            Kind::String => match value {
                Value::String(text) => return Some(Said::Text(alike(text))),
                _ => Err("must be text".to_owned()),
            },
            Kind::Bool => value
                .as_bool()
                .map(Field::Bool)
                .ok_or_else(|| "must be `true` or `false`".to_owned()),
            Kind::Enum(list) => named(value, list).ok_or_else(|| must_be_of(list)),
            number => {
                counted(value, number).ok_or_else(|| "must be a number of its type".to_owned())
            }
        };
        match read {
            Ok(field) => Some(Said::Exactly(field)),
            Err(what) => {
                self.faults.push(at, what);
                None
            }
        }
    }
}

/// Whether nothing was declared of `field`.
fn is_nothing(said: &Said, field: &FieldDescriptor) -> bool {
    match said {
        Said::Text(text) => text.is_empty(),
        Said::Exactly(value) => says_nothing(value, field),
        Said::Parts(parts) => parts.stated.is_empty(),
        Said::List(values) => values.iter().all(|value| is_nothing(value, field)),
    }
}

/// What a value of a list may be, where the list is short enough to be told.
fn must_be_of(list: &EnumDescriptor) -> String {
    let values: Vec<_> = list.values().take(NAMES_MAX + 1).collect();
    let names: Vec<_> = values.iter().map(|value| value.name()).collect();
    match names.len() > NAMES_MAX {
        true => format!("must be a name of the list `{}`", list.full_name()),
        false => format!("must be one of `{}`", names.join("`, `")),
    }
}

/// The value of a list of names that is meant: by its name, or by its number.
fn named(value: &Value, list: &EnumDescriptor) -> Option<Field> {
    let found = match value {
        Value::String(name) => list.get_value_by_name(name)?,
        value => list.get_value(i32::try_from(integer(value)?).ok()?)?,
    };
    Some(Field::EnumNumber(found.number()))
}

/// A number, written as one or as text.
fn counted(value: &Value, kind: &Kind) -> Option<Field> {
    let field = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            Field::I32(i32::try_from(integer(value)?).ok()?)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            Field::I64(i64::try_from(integer(value)?).ok()?)
        }
        Kind::Uint32 | Kind::Fixed32 => Field::U32(u32::try_from(integer(value)?).ok()?),
        Kind::Uint64 | Kind::Fixed64 => Field::U64(u64::try_from(integer(value)?).ok()?),
        Kind::Float => {
            let float: f32 = text_of(value)?.parse().ok()?;
            Field::F32(Some(float).filter(|it| it.is_finite())?)
        }
        Kind::Double => {
            let float: f64 = text_of(value)?.parse().ok()?;
            Field::F64(Some(float).filter(|it| it.is_finite())?)
        }
        _ => return None,
    };
    Some(field)
}

fn integer(value: &Value) -> Option<i128> {
    let text = text_of(value)?;
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    // As `google.protobuf.Struct` has it: 25.0 is 25.
    let float: f64 = text.parse().ok()?;
    let is_integer = float.fract() == 0.0 && float.abs() <= INTEGER_MAX;
    is_integer
        .then(|| format!("{float:.0}").parse().ok())
        .flatten()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}
