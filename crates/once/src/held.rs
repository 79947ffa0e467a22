//! A component that a published dataset holds: what is asked for it, and what came of that.

mod compared;
mod required;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use motlan_catalog::{Catalog, DocumentKind, Method, RequestFault, View};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Value};

use crate::intake::Declared;

/// The most fields that one finding names.
pub const FIELDS_MAX: usize = 64;

/// A component that a published dataset holds. Personal: neither its subject nor what was declared
/// prints.
#[non_exhaustive]
pub struct Held {
    /// The document, and where its content is held.
    pub kind: Arc<DocumentKind>,
    /// The clauses by which it is otherwise not asked for, as they are cited. Never empty.
    pub clauses: Vec<String>,
    /// Whom or what it is about.
    pub subject: String,
    /// The method that is asked.
    pub method: Arc<Method>,
    /// The encoded request, with the subject in its place.
    pub request: Bytes,
    /// What is asked for: the paths of the document's view.
    pub fields: Vec<String>,
    view: Arc<View>,
    /// The full names of the fields without which an answer is incomplete.
    required: HashSet<String>,
    declared: Declared,
}

/// What an answer is worth to a dossier. Names fields, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It has all that the contract demands, and differs in nothing from what was declared.
    Whole,
    /// These fields are missing, sorted, at most [`FIELDS_MAX`]. Goes before a difference.
    Incomplete(Vec<String>),
    /// In these fields it differs from what was declared, sorted, at most [`FIELDS_MAX`].
    Mismatch(Vec<String>),
    /// It is no message of the contract: as good as none.
    Unreadable,
}

impl Held {
    pub(crate) fn new(
        catalog: &Catalog,
        kind: &Arc<DocumentKind>,
        source: &motlan_catalog::Held,
        clauses: Vec<String>,
        subject: &str,
    ) -> Result<Self, RequestFault> {
        let method = &source.method;
        let request = request(method, subject);
        // Read back as the lookup will.
        method.subject(&request)?;
        Ok(Self {
            kind: Arc::clone(kind),
            clauses,
            subject: subject.to_owned(),
            request,
            fields: source.view.paths.clone(),
            required: required::of(catalog, &method.response),
            method: Arc::clone(method),
            view: Arc::clone(&source.view),
            declared: Declared::default(),
        })
    }

    pub(crate) fn declared(mut self, declared: Declared) -> Self {
        self.declared = declared;
        self
    }

    /// What the masked message of a lookup is worth, where of the `covered` fields the agreement
    /// covers a part: these are not compared.
    #[must_use]
    pub fn judge(&self, message: &[u8], covered: &[String]) -> Finding {
        let Ok(message) = DynamicMessage::decode(self.method.response.clone(), message) else {
            return Finding::Unreadable;
        };
        // R100: fields are named, never values.
        let mut missing = Named::default();
        required::missing(self, &message, &mut missing);
        if !missing.0.is_empty() {
            return Finding::Incomplete(missing.into());
        }
        let mut differing = Named::default();
        compared::differing(&self.declared, &message, covered, &mut differing);
        match differing.0.is_empty() {
            true => Finding::Whole,
            false => Finding::Mismatch(differing.into()),
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut held = f.debug_struct("Held");
        held.field("kind", &self.kind.code)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// Paths of fields, each once, as many as a finding names.
#[derive(Default)]
struct Named(BTreeSet<String>);

impl Named {
    fn add(&mut self, path: &str) {
        if self.0.len() < FIELDS_MAX {
            self.0.insert(path.to_owned());
        }
    }
}

impl From<Named> for Vec<String> {
    fn from(named: Named) -> Self {
        named.0.into_iter().collect()
    }
}

/// Whether a value says nothing, whether it is held or declared: blank text, the first name of a
/// list, a list of nothing, and 0 or false in a field that cannot tell it from nothing.
pub(crate) fn says_nothing(value: &Value, field: &FieldDescriptor) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::EnumNumber(number) => *number == 0,
        Value::List(values) => values.is_empty(),
        value => !field.supports_presence() && value.is_default_for_field(field),
    }
}

/// Whether the view shows what stands at `path`, or a part of it.
pub(crate) fn leads_to(view: &View, path: &str) -> bool {
    let beneath = |wide: &String| {
        wide.strip_prefix(path)
            .is_some_and(|it| it.starts_with('.'))
    };
    view.covers(path) || view.paths.iter().any(beneath)
}

/// An encoded request about `subject`.
fn request(method: &Method, subject: &str) -> Bytes {
    let steps: Vec<&str> = method.subject_path.split('.').collect();
    let mut message = DynamicMessage::new(method.request.clone());
    place(&mut message, &steps, subject);
    message.encode_to_vec().into()
}

/// Puts the subject where the steps lead. A step that leads nowhere puts it nowhere, which shows
/// when it is read back.
fn place(message: &mut DynamicMessage, steps: &[&str], subject: &str) {
    match steps {
        [] => {}
        [last] => {
            let value = Value::String(subject.to_owned());
            // A field of another type is left as it is.
            let _unfit = message.try_set_field_by_name(last, value);
        }
        [first, rest @ ..] => {
            let inner = message.get_field_by_name_mut(first);
            if let Some(inner) = inner.and_then(Value::as_message_mut) {
                place(inner, rest, subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn nothing_and_a_truth_say_something_where_they_can_be_told_from_nothing() {
        let field = |message: &str, field: &str| {
            let message = DescriptorPool::global().get_message_by_name(message);
            message.unwrap().get_field_by_name(field).unwrap()
        };
        let with = "google.protobuf.FieldDescriptorProto";
        let (zero, untrue) = (Value::I32(0), Value::Bool(false));
        assert!(!says_nothing(&zero, &field(with, "number")));
        assert!(!says_nothing(&untrue, &field(with, "proto3_optional")));
        let without = "google.protobuf.Duration";
        assert!(says_nothing(&zero, &field(without, "nanos")));
        assert!(!says_nothing(&Value::I32(1), &field(without, "nanos")));
        let untold = field("google.protobuf.BoolValue", "value");
        assert!(says_nothing(&untrue, &untold));
        assert!(!says_nothing(&Value::Bool(true), &untold));
        // Text and names of lists say nothing even where they are sent.
        let blank = Value::String(" \u{a0}\t".to_owned());
        assert!(says_nothing(&blank, &field(with, "name")));
        assert!(says_nothing(&Value::EnumNumber(0), &field(with, "label")));
        assert!(!says_nothing(&Value::EnumNumber(1), &field(with, "label")));
    }
}
