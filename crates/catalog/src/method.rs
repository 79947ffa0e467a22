//! How a dataset is asked: its methods, and the subject of a request.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor};

use crate::name::{AgencyCode, DatasetId, ViewName};
use crate::view::View;

/// The longest request in which a subject is looked for, in bytes. Requests name a subject, no
/// more.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The longest subject's identifier, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// A method of a dataset that is on offer.
#[non_exhaustive]
pub struct Method {
    /// Where it is called: `/vn.population.v1.PopulationRegistry/GetPerson`.
    pub path: String,
    /// Its name within the service: `GetPerson`.
    pub name: String,
    /// The dataset it asks.
    pub dataset: DatasetId,
    /// The agency that answers.
    pub owner: AgencyCode,
    /// What it does with the dataset.
    pub kind: Kind,
    /// Whether the answer is a stream of messages. Exactly lists are.
    pub streaming: bool,
    /// What goes in.
    pub request: MessageDescriptor,
    /// What comes out.
    pub response: MessageDescriptor,
    /// The path of the request's field that identifies the subject, e.g. `personal_id`.
    pub subject_path: String,
    /// The views of the dataset that start from the response.
    pub views: BTreeMap<ViewName, Arc<View>>,
    pub(crate) subject_steps: Vec<FieldDescriptor>,
}

/// What a method does with the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One subject in, one record out.
    Lookup,
    /// A statement in, whether it holds out.
    Verify,
    /// One subject in, a bounded stream of records out.
    List,
}

/// Why no subject can be read from a request. Names fields, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// The bytes are not an encoded message of the method's request.
    #[error("the request is not a well-formed `{message}`")]
    Malformed {
        /// The full name of the request's message.
        message: String,
    },
    /// More bytes than [`REQUEST_BYTES_MAX`].
    #[error("the request is longer than {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// Nobody is named.
    #[error("the request's `{field}` is empty")]
    SubjectEmpty {
        /// The path of the field.
        field: String,
    },
    /// A longer identifier than [`SUBJECT_BYTES_MAX`].
    #[error("the request's `{field}` is longer than {SUBJECT_BYTES_MAX} bytes")]
    SubjectTooLong {
        /// The path of the field.
        field: String,
    },
}

/// The identifier of whom or what a request is about. Personal: it does not print.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// The identifier itself, for the ledger's sealed part.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(..)")
    }
}

/// By its path alone: the descriptors of a recursive message do not print.
impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Method {
    /// The subject's identifier in an encoded request, without the five bytes that gRPC puts before
    /// it.
    ///
    /// # Errors
    /// When the request is malformed or names nobody.
    pub fn subject(&self, request: &[u8]) -> Result<Subject, RequestFault> {
        if request.len() > REQUEST_BYTES_MAX {
            return Err(RequestFault::TooLong);
        }
        let malformed = || RequestFault::Malformed {
            message: self.request.full_name().to_owned(),
        };
        let empty = || RequestFault::SubjectEmpty {
            field: self.subject_path.clone(),
        };
        let mut message =
            DynamicMessage::decode(self.request.clone(), request).map_err(|_detail| malformed())?;
        let (last, way) = self.subject_steps.split_last().ok_or_else(malformed)?;
        for step in way {
            let next = message.take_field(step).ok_or_else(empty)?;
            message = next.as_message().cloned().ok_or_else(malformed)?;
        }
        let value = message.take_field(last).ok_or_else(empty)?;
        let text = value.as_str().ok_or_else(malformed)?;
        if text.trim().is_empty() {
            return Err(empty());
        }
        if text.len() > SUBJECT_BYTES_MAX {
            return Err(RequestFault::SubjectTooLong {
                field: self.subject_path.clone(),
            });
        }
        Ok(Subject(text.to_owned()))
    }
}
