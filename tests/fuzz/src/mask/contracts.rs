//! What the mask is fuzzed on: message types, and for each of them sets of paths.
//!
//! The first two bytes of an input choose among them, so every change here changes what the corpus
//! means.

use motlan_mask::{CompileError, DEPTH_MAX, Mask};
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::grants::Grants;
use super::types::{Field, TypeId, Types};
use crate::rng::{Rng, mix};

const FILES: [(&str, &str); 4] = [
    (
        "sample.proto",
        include_str!("../../../../crates/mask/tests/suite/sample.proto"),
    ),
    (
        "old.proto",
        include_str!("../../../../crates/mask/tests/suite/old.proto"),
    ),
    ("edges.proto", include_str!("edges.proto")),
    ("edges_old.proto", include_str!("edges_old.proto")),
];

const MESSAGES: [&str; 10] = [
    "sample.Scalars",
    "sample.Lists",
    "sample.Person",
    "sample.Choice",
    "old.Record",
    "edges.Numbers",
    "edges.Left",
    "edges.Right",
    "edges.Maps",
    "edges_old.Tree",
];

/// How many sets of paths there are for each message type.
const SETS: usize = 64;
/// From this set on each field is granted, denied or led through at random. Before it there are
/// none, all, one as deep as can be, and a few at random.
const DENSE_FROM: usize = 16;
/// How deep the random paths go.
const STEPS_MAX: usize = 5;

/// Why there is nothing to fuzz on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The contracts do not compile.
    #[error("the contracts do not compile")]
    Contract(#[from] protox::Error),
    /// There is no such message type in the contracts.
    #[error("no message `{0}` in the contracts")]
    Message(String),
    /// The mask cannot follow a path.
    #[error("a path of `{message}` does not compile")]
    Path {
        /// The message type.
        message: String,
        /// Why.
        source: CompileError,
    },
    /// The oracle cannot follow a path.
    #[error("the oracle cannot follow the paths of `{0}`")]
    Grants(String),
}

/// A message type and what of it is granted.
#[derive(Debug)]
pub struct Case {
    /// The full name of the message type.
    pub message: String,
    /// The paths that are granted.
    pub paths: Vec<String>,
    pub(crate) mask: Mask,
    pub(crate) root: TypeId,
    pub(crate) grants: Grants,
}

/// All cases, and the types that they speak of.
#[derive(Debug)]
pub(crate) struct Contracts {
    pub(crate) types: Types,
    /// For each message type one for each set of paths.
    cases: Vec<Vec<Case>>,
}

impl Contracts {
    pub(crate) fn compile() -> Result<Contracts, ContractError> {
        let pool = pool()?;
        let mut contracts = Contracts {
            types: Types::default(),
            cases: Vec::new(),
        };
        for (seed, name) in (0..).zip(MESSAGES) {
            let root = contracts.types.add(&message(&pool, name)?);
            let sets = (0..SETS).map(|set| paths(&contracts.types, root, seed, set));
            let cases = sets.map(|paths| contracts.case_with(&pool, name, paths));
            let cases = cases.collect::<Result<_, _>>()?;
            contracts.cases.push(cases);
        }
        Ok(contracts)
    }

    /// The case that the first two bytes of an input choose. There always is one.
    pub(crate) fn case(&self, message: u8, paths: u8) -> Option<&Case> {
        let sets = self.cases.get(usize::from(message) % MESSAGES.len())?;
        sets.get(usize::from(paths) % SETS)
    }

    pub(crate) fn case_with(
        &self,
        pool: &DescriptorPool,
        name: &str,
        paths: Vec<String>,
    ) -> Result<Case, ContractError> {
        let unknown = || ContractError::Message(name.to_owned());
        let root = self.types.id(name).ok_or_else(unknown)?;
        let mask = Mask::compile(&message(pool, name)?, paths.iter().map(String::as_str));
        let grants = Grants::of(&self.types, root, &paths);
        Ok(Case {
            message: name.to_owned(),
            mask: mask.map_err(|source| ContractError::Path {
                message: name.to_owned(),
                source,
            })?,
            grants: grants.ok_or_else(|| ContractError::Grants(name.to_owned()))?,
            paths,
            root,
        })
    }
}

/// The contracts as prost-reflect has them.
pub(crate) fn pool() -> Result<DescriptorPool, ContractError> {
    let mut files = ChainFileResolver::new();
    files.add(Embedded);
    files.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.include_imports(true);
    compiler.open_files(FILES.map(|(name, _)| name))?;
    Ok(compiler.descriptor_pool())
}

fn message(pool: &DescriptorPool, name: &str) -> Result<MessageDescriptor, ContractError> {
    let message = pool.get_message_by_name(name);
    message.ok_or_else(|| ContractError::Message(name.to_owned()))
}

struct Embedded;

impl FileResolver for Embedded {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match FILES.iter().find(|(it, _)| *it == name) {
            Some((_, source)) => File::from_source(name, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// The paths of one set: always the same for the same numbers.
fn paths(types: &Types, root: TypeId, seed: u64, set: usize) -> Vec<String> {
    let mut rng = Rng::new(mix(seed) ^ set as u64);
    match set {
        0 => Vec::new(),
        1 => everything(types, root),
        2 => vec![deepest(types, root)],
        _ if set < DENSE_FROM => {
            let count = 1 + set % 3;
            (0..count).map(|_| random(types, root, &mut rng)).collect()
        }
        _ => dense(types, root, "", &mut rng),
    }
}

fn everything(types: &Types, root: TypeId) -> Vec<String> {
    let fields = types.fields(root).iter();
    let path = |field: &Field| match types.holds_any(field) {
        true => format!("{}.value", field.name),
        false => field.name.clone(),
    };
    fields.map(path).collect()
}

/// As many steps as a path may have, if the type leads back to itself; then on to the first field
/// that is no message.
fn deepest(types: &Types, root: TypeId) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut within = root;
    while names.len() + 1 < DEPTH_MAX {
        let inner = types.fields(within).iter().rev().find_map(|field| {
            let beneath = types.beneath(field)?;
            let goes_on = types
                .fields(beneath)
                .iter()
                .any(|it| types.beneath(it).is_some());
            goes_on.then_some((field, beneath))
        });
        let Some((field, beneath)) = inner else {
            break;
        };
        names.push(&field.name);
        within = beneath;
    }
    let leaf = types.fields(within).iter();
    names.extend(
        leaf.filter(|field| types.beneath(field).is_none())
            .map(|field| field.name.as_str())
            .take(1),
    );
    names.join(".")
}

fn random(types: &Types, root: TypeId, rng: &mut Rng) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut within = Some(root);
    while let Some(field) = within.and_then(|of| rng.one_of(types.fields(of))) {
        names.push(&field.name);
        within = types.beneath(field);
        let is_deep = names.len() >= STEPS_MAX || rng.one_in(3);
        if is_deep && !types.holds_any(field) {
            break;
        }
    }
    names.join(".")
}

/// Each field granted, denied or led through.
fn dense(types: &Types, of: TypeId, prefix: &str, rng: &mut Rng) -> Vec<String> {
    let mut paths = Vec::new();
    let steps = prefix.split('.').count();
    for field in types.fields(of) {
        let path = format!("{prefix}{}", field.name);
        let beneath = types.beneath(field).filter(|_| steps < STEPS_MAX);
        match (rng.below(5), beneath) {
            (0 | 1, _) => {}
            (2, Some(beneath)) => paths.extend(dense(types, beneath, &format!("{path}."), rng)),
            _ if types.holds_any(field) => paths.push(format!("{path}.value")),
            _ => paths.push(path),
        }
    }
    paths
}
