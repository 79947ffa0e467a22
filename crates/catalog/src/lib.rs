//! What the state holds: agencies, systems, datasets with their contracts, procedures with the
//! documents that a database replaces in them, and the agreements by which agencies share. Loaded
//! from a folder whole or not at all, then immutable.
//!
//! In scope: reading and checking the folder ([`Catalog::load`]), with every [`Fault`] of it at
//! once; looking things up; finding the [`Subject`] in an encoded request; compiling views into
//! masks; verifying what was signed and sealed ([`SignedCatalog`]), and doing so ([`signed`]);
//! telling editors the shape of an agreement file ([`agreement_schema`]); and the reader of TOML
//! documents that gathers faults ([`document`]), which the gateway uses for its own configuration.
//!
//! Out of scope: deciding (`policy`), asking (`exchange`), reloading (`gateway`), and sockets.
//!
//! # Limits
//!
//! | limit | what it bounds |
//! | --- | --- |
//! | [`document::DOCUMENT_BYTES_MAX`] | one TOML document |
//! | [`FILE_BYTES_MAX`] | any other file of the folder |
//! | [`FILES_MAX`] | files in all folders of the catalogue, and contracts with their imports |
//! | [`FOLDER_BYTES_MAX`] | all files together |
//! | [`NAME_BYTES_MAX`] | a name of any kind |
//! | [`SPANS_MAX`] | spans of hours of a grant |
//! | [`PATHS_MAX`] | paths of one view, and fields of one narrowing |
//! | [`NESTING_MAX`] | messages within messages beneath a view |
//! | [`REQUEST_BYTES_MAX`] | a request in which a subject is looked for |
//! | [`SUBJECT_BYTES_MAX`] | a subject's identifier |
//! | [`THREADS_MAX`] | threads that share one piece of work ([`spread`]) |
//!
//! Besides, each named where it is kept: citations, tests and signatures of an agreement, rows of a
//! file of values, import paths, keys of a system or signer and their size, addresses of a dataset.
//! The decoder itself stops at 100 messages within each other.

mod agreement;
mod calendar;
mod catalog;
mod dataset;
pub mod document;
mod fault;
mod hours;
mod load;
mod method;
mod name;
mod once;
mod party;
mod procedure;
pub mod signed;
mod spread;
mod terms;
mod view;

pub use agreement::{Agreement, Case, Expected, Grant, OwnerRules, Validity};
pub use calendar::{Calendar, SpecialDay};
pub use catalog::{Catalog, Revision};
pub use dataset::{Class, Dataset, Readiness};
pub use fault::{FAULTS_MAX, Fault, Faults};
pub use hours::{Hours, HoursError, SPANS_MAX, Span, Weekday};
pub use load::{DraftContract, FILE_BYTES_MAX, FILES_MAX, FOLDER_BYTES_MAX, agreement_schema};
pub use method::{Kind, Method, REQUEST_BYTES_MAX, RequestFault, SUBJECT_BYTES_MAX, Subject};
pub use name::{
    AgencyCode, AgreementId, DatabaseId, DatasetId, DocumentCode, GrantId, NAME_BYTES_MAX,
    NameError, ProcedureCode, SystemId, VariantCode, ViewName,
};
pub use once::{Database, DocumentKind, Held, Law, Meaning, Notice, Once, Source, normalised};
pub use party::{Agency, Role, Standing, System, TokenAlgorithm, TokenKey};
pub use procedure::{Procedure, ProcedureRow, ReplacedDocument};
pub use signed::{SignedCatalog, SignedFolder};
pub use spread::{THREADS_MAX, spread};
pub use terms::{
    APPROVALS_MAX, BreakGlass, Budget, LogLevel, Obligation, Relaxed, SECRET_APPROVALS, Terms,
};
pub use view::{LEAVES_MAX, NESTING_MAX, NarrowError, PATHS_MAX, View};
