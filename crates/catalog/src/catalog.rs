//! The catalogue as a whole, and how things in it are found.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, FieldDescriptor};

use crate::agreement::{Agreement, OwnerRules};
use crate::dataset::{Class, Dataset};
use crate::fault::Faults;
use crate::load::{self, DraftContract, Files, Reading};
use crate::method::Method;
use crate::name::{AgencyCode, DatasetId, ProcedureCode, SystemId};
use crate::once::Once;
use crate::party::{Agency, System};
use crate::procedure::{Procedure, ReplacedDocument};
use crate::signed::Signers;

/// Everything that the folder holds, checked. Immutable.
pub struct Catalog {
    pub(crate) revision: Revision,
    pub(crate) trust_domain: String,
    pub(crate) agencies: BTreeMap<AgencyCode, Agency>,
    pub(crate) systems: BTreeMap<SystemId, Arc<System>>,
    pub(crate) systems_by_uri: HashMap<String, Arc<System>>,
    pub(crate) datasets: BTreeMap<DatasetId, Arc<Dataset>>,
    pub(crate) methods: HashMap<String, Arc<Method>>,
    pub(crate) agreements: Vec<Agreement>,
    pub(crate) rules: BTreeMap<DatasetId, OwnerRules>,
    pub(crate) signers: Signers,
    pub(crate) procedures: BTreeMap<ProcedureCode, Procedure>,
    pub(crate) replaced: Vec<ReplacedDocument>,
    pub(crate) once: Option<Once>,
    pub(crate) pool: DescriptorPool,
}

impl Catalog {
    /// Reads and checks `folder`, its contracts included, whether its agreements are signed or not:
    /// for those who work on it. What is in force is a [`crate::signed::SignedCatalog`].
    ///
    /// # Errors
    /// All that is wrong, not only the first thing. Nothing of a catalogue with a fault is usable.
    pub fn load(folder: &Path) -> Result<Self, Faults> {
        Self::read(folder, None)
    }

    /// Reads and checks `folder` as if the owner of one dataset had published `draft` already: what
    /// would be let out under the agreements in force, and which of them it would break.
    ///
    /// # Errors
    /// All that is wrong, in the folder and in the draft.
    pub fn load_with(folder: &Path, draft: &DraftContract) -> Result<Self, Faults> {
        Self::read(folder, Some(draft))
    }

    fn read(folder: &Path, draft: Option<&DraftContract>) -> Result<Self, Faults> {
        let reading = Reading {
            files: Arc::new(Files::Disk),
            draft,
            is_signed: false,
        };
        load::load(folder, reading)
    }

    /// What tells this content of the folder from any other.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The trust domain in which the certificates of systems are issued.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The agency with this code.
    #[must_use]
    pub fn agency(&self, code: &AgencyCode) -> Option<&Agency> {
        self.agencies.get(code)
    }

    /// All agencies, by code.
    pub fn agencies(&self) -> impl ExactSizeIterator<Item = &Agency> {
        self.agencies.values()
    }

    /// The system with this name.
    #[must_use]
    pub fn system(&self, id: &SystemId) -> Option<&Arc<System>> {
        self.systems.get(id)
    }

    /// The system whose certificate carries this URI.
    #[must_use]
    pub fn system_by_uri(&self, uri: &str) -> Option<&Arc<System>> {
        self.systems_by_uri.get(uri)
    }

    /// All systems, by name.
    pub fn systems(&self) -> impl ExactSizeIterator<Item = &Arc<System>> {
        self.systems.values()
    }

    /// The dataset with this name.
    #[must_use]
    pub fn dataset(&self, id: &DatasetId) -> Option<&Arc<Dataset>> {
        self.datasets.get(id)
    }

    /// All datasets, by name.
    pub fn datasets(&self) -> impl ExactSizeIterator<Item = &Arc<Dataset>> {
        self.datasets.values()
    }

    /// The method at this path, e.g. `/vn.population.v1.PopulationRegistry/GetPerson`.
    #[must_use]
    pub fn method(&self, path: &str) -> Option<&Arc<Method>> {
        self.methods.get(path)
    }

    /// The class that a field of a contract is marked with. One without a mark is
    /// [`Class::Secret`], but for the fields of protobuf's own messages, which bear none.
    #[must_use]
    pub fn mark(&self, field: &FieldDescriptor) -> Option<Class> {
        load::Options::of(&self.pool).mark(field)
    }

    /// The concept in the shared dictionary that a field of a contract stands for, if it names one.
    #[must_use]
    pub fn concept(&self, field: &FieldDescriptor) -> Option<String> {
        let mark = load::Options::of(&self.pool).field(field)?;
        Some(mark.concept).filter(|concept| !concept.is_empty())
    }

    /// Whether an answer without this field of a contract is incomplete.
    #[must_use]
    pub fn is_required(&self, field: &FieldDescriptor) -> bool {
        let mark = load::Options::of(&self.pool).field(field);
        mark.is_some_and(|mark| mark.required)
    }

    /// All agreements, by id. Whether one is in force is for the caller to decide: there is no
    /// clock here.
    #[must_use]
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }

    /// The same without the tests of its agreements: for who has tried them, and keeps the rest for
    /// long. No rules are to be made of it: there is nothing left to try them by.
    #[must_use]
    pub fn without_cases(mut self) -> Self {
        for agreement in &mut self.agreements {
            agreement.cases = Vec::new();
        }
        self
    }

    /// What the owners of datasets forbid beyond the agreements, by dataset.
    pub fn owner_rules(&self) -> impl ExactSizeIterator<Item = (&DatasetId, &OwnerRules)> {
        self.rules.iter()
    }

    /// The procedure with this code.
    #[must_use]
    pub fn procedure(&self, code: &ProcedureCode) -> Option<&Procedure> {
        self.procedures.get(code)
    }

    /// All procedures, by code.
    pub fn procedures(&self) -> impl ExactSizeIterator<Item = &Procedure> {
        self.procedures.values()
    }

    /// The documents that a database replaces in every procedure.
    #[must_use]
    pub fn replaced_documents(&self) -> &[ReplacedDocument] {
        &self.replaced
    }

    /// What the law lets a desk ask for. `None` where the folder has no `once/`.
    #[must_use]
    pub fn once(&self) -> Option<&Once> {
        self.once.as_ref()
    }

    /// The descriptors of all contracts, with motlan's own: what gRPC reflection serves.
    #[must_use]
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("revision", &self.revision)
            .field("datasets", &self.datasets.keys())
            .finish_non_exhaustive()
    }
}

/// What tells one content of the folder from any other: the first 16 bytes of a SHA-256 over the
/// paths and contents of all files read, as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(Arc<str>);

impl Revision {
    pub(crate) fn of(digest: &[u8]) -> Self {
        let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
        Self(Arc::from(digits.collect::<String>()))
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revision({})", self.0)
    }
}
