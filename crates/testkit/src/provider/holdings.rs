//! What an owner's system holds.

use std::collections::HashMap;

use bytes::Bytes;
use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

use super::wire;
use crate::frame;
use crate::sample::Held;

/// The option that makes a method part of a dataset, and its field for the subject's path.
const METHOD_OPTION: &str = "motlan.contract.v1.method";
const METHOD_SUBJECT: &str = "subject";

/// Why a record could not be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldingsError {
    /// No contract has the method.
    #[error("no contract has the method `{0}`")]
    UnknownMethod(String),
}

/// Methods by path, and their answers by subject.
pub struct Holdings {
    methods: HashMap<String, Method>,
}

/// One method.
pub(super) struct Method {
    subject: Vec<u32>,
    answers: HashMap<String, Box<[Bytes]>>,
}

impl Holdings {
    /// Holds nothing yet. Offers every method in `pool` whose option names a subject, at any depth
    /// of messages.
    #[must_use]
    pub fn of(pool: &DescriptorPool) -> Self {
        let all = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>());
        let methods = all.filter_map(|method| {
            let subject = subject_of(&method, pool)?;
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            Some((
                path,
                Method {
                    subject,
                    answers: HashMap::new(),
                },
            ))
        });
        Self {
            methods: methods.collect(),
        }
    }

    /// Keeps only the methods of one service, e.g. `vn.land.v1.LandRegistry`.
    #[must_use]
    pub fn only(mut self, service: &str) -> Self {
        self.methods.retain(|path, _| serves(service, path));
        self
    }

    /// Holds encoded messages as the answer of `path` about `subject`, in place of what was held
    /// before.
    ///
    /// # Errors
    /// Where no method has this path.
    pub fn hold(
        mut self,
        path: &str,
        subject: &str,
        messages: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, HoldingsError> {
        let method = self
            .methods
            .get_mut(path)
            .ok_or_else(|| HoldingsError::UnknownMethod(path.to_owned()))?;
        let frames = messages
            .into_iter()
            .map(|message| frame::frame(&message))
            .collect();
        method.answers.insert(subject.to_owned(), frames);
        Ok(self)
    }

    /// Holds all of `held` whose method it offers; the others belong to somebody else.
    #[must_use]
    pub fn stock(mut self, held: &[Held]) -> Self {
        for one in held {
            if let Some(method) = self.methods.get_mut(&one.path) {
                let frames = one
                    .messages
                    .iter()
                    .map(|message| frame::frame(message))
                    .collect();
                method.answers.insert(one.subject.clone(), frames);
            }
        }
        self
    }

    pub(super) fn method(&self, path: &str) -> Option<&Method> {
        self.methods.get(path)
    }
}

impl Method {
    /// The subject of an encoded request, empty where it names none.
    pub(super) fn subject<'a>(&self, request: &'a [u8]) -> &'a str {
        wire::text(request, &self.subject).unwrap_or_default()
    }

    /// The framed messages held about `subject`.
    pub(super) fn answer(&self, subject: &str) -> Option<&[Bytes]> {
        self.answers.get(subject).map(AsRef::as_ref)
    }
}

fn serves(service: &str, path: &str) -> bool {
    path.strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .is_some_and(|(of, _)| of == service)
}

/// The field numbers that lead to the subject in the method's request.
fn subject_of(method: &MethodDescriptor, pool: &DescriptorPool) -> Option<Vec<u32>> {
    let extension = pool.get_extension_by_name(METHOD_OPTION)?;
    let options = method.options();
    let option = options.get_extension(&extension);
    let path = match option
        .as_message()?
        .get_field_by_name(METHOD_SUBJECT)?
        .as_ref()
    {
        Value::String(path) if !path.is_empty() => path.clone(),
        _ => return None,
    };
    let mut numbers = Vec::new();
    let mut message = Some(method.input());
    for name in path.split('.') {
        let field = message?.get_field_by_name(name)?;
        numbers.push(field.number());
        message = field.kind().as_message().cloned();
    }
    Some(numbers)
}
