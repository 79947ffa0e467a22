//! The contracts of all datasets, compiled into one pool of descriptors.

mod shapes;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use miette::Diagnostic;
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor};
use protox::Compiler;

use super::draft::Drafted;
use super::folder::Folder;
use crate::fault::Faults;
use sources::{Origin, Sources, is_in_edition};

/// A contract that a dataset names, and where it does.
pub(super) struct Wanted {
    pub(super) contract: String,
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

/// What came of the contracts.
pub(super) struct Contracts {
    pub(super) pool: DescriptorPool,
    failed: BTreeSet<String>,
    origins: BTreeMap<String, Origin>,
}

/// Where something in a contract was written.
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: Option<usize>,
}

impl Contracts {
    /// Compiles every wanted contract. One that does not compile is reported and left out.
    /// R50: contracts are compiled here, at load, and not with the gateway.
    pub(super) fn compile(
        folder: &mut Folder,
        import_paths: &[PathBuf],
        draft: Option<Drafted>,
        wanted: &[Wanted],
        faults: &mut Faults,
    ) -> Self {
        let origins = Arc::new(Mutex::new(BTreeMap::new()));
        let mut sources = Sources::new(
            Arc::clone(folder.files()),
            import_paths,
            draft,
            Arc::clone(&origins),
        );
        let mut failed = BTreeSet::new();
        let mut roots: Vec<(&Wanted, Vec<String>)> = Vec::new();
        for want in wanted {
            if !want.contract.ends_with(".binpb") {
                roots.push((want, vec![want.contract.clone()]));
                continue;
            }
            match sources.add_set(&want.contract) {
                Ok(files) => roots.push((want, files)),
                Err(what) => {
                    failed.insert(want.contract.clone());
                    let remedy = "write it with `buf build -o` or `protoc --include_imports \
                                  --descriptor_set_out`, and put it under an import path";
                    faults.push(&want.file, want.line, what, remedy);
                }
            }
        }
        let own = sources.own_files();
        let mut compiler = Compiler::with_file_resolver(sources);
        compiler.include_imports(true).include_source_info(true);
        for name in own {
            if let Err(error) = compiler.open_file(&name) {
                let remedy = "this is a fault of the build: report it";
                faults.push(Path::new(&name), None, error.to_string(), remedy);
            }
        }
        for (want, files) in roots {
            for file in files {
                if let Err(error) = compiler.open_file(&file) {
                    failed.insert(want.contract.clone());
                    report(&error, &file, want, &origins, faults);
                }
            }
        }
        let origins = std::mem::take(&mut *origins.lock().unwrap_or_else(PoisonError::into_inner));
        for (name, origin) in &origins {
            folder.count(
                &format!("contract:{name}"),
                &origin.file,
                &origin.content,
                faults,
            );
        }
        let pool = compiler.descriptor_pool();
        let has_misfits = report_misfits(&pool, &origins, faults);
        if shapes::report(&pool, &origins, faults) || has_misfits {
            failed.extend(wanted.iter().map(|want| want.contract.clone()));
        }
        Self {
            pool,
            failed,
            origins,
        }
    }

    /// Whether nothing can be said of what this contract holds.
    pub(super) fn has_failed(&self, contract: &str) -> bool {
        self.failed.contains(contract)
    }

    /// Where the element of `file` at `path` (as in `google.protobuf.SourceCodeInfo`) was written.
    pub(super) fn place(&self, file: &FileDescriptor, path: &[i32]) -> Place {
        let origin = self.origins.get(file.name());
        let locations = file.file_descriptor_proto().source_code_info.iter();
        let found = locations
            .flat_map(|info| &info.location)
            .find(|place| place.path == path);
        let line = found.and_then(|place| place.span.first().copied());
        let line = line.and_then(|line| usize::try_from(line).ok());
        Place {
            file: origin.map_or_else(|| PathBuf::from(file.name()), |origin| origin.file.clone()),
            line: line.map(|line| line.saturating_add(1)),
        }
    }
}

/// Reports options that do not fit what a contract compiled later defines them as, and says whether
/// there are any. Reading such an option would panic.
fn report_misfits(
    pool: &DescriptorPool,
    origins: &BTreeMap<String, Origin>,
    faults: &mut Faults,
) -> bool {
    // Motlan's own contract imports it, so that it is always there.
    let Some(descriptor) = pool.get_message_by_name("google.protobuf.FileDescriptorProto") else {
        return false;
    };
    let mut found = false;
    for file in pool.files() {
        let encoded = file.encode_to_vec();
        let Err(error) = DynamicMessage::decode(descriptor.clone(), encoded.as_slice()) else {
            continue;
        };
        found = true;
        let name = file.name();
        let place = origins.get(name);
        let place = place.map_or_else(|| Path::new(name), |origin| &origin.file);
        let what = format!("an option in `{name}` is not as another contract defines it: {error}");
        faults.push(place, None, what, "give one of both a number of its own");
    }
    found
}

/// Reports why a contract does not compile: in the file that is to blame if it was read at all,
/// else where it is named.
fn report(
    error: &protox::Error,
    opened: &str,
    want: &Wanted,
    origins: &Mutex<BTreeMap<String, Origin>>,
    faults: &mut Faults,
) {
    let origins = origins.lock().unwrap_or_else(PoisonError::into_inner);
    let blamed = error.file().unwrap_or(opened);
    let Some(origin) = origins.get(blamed) else {
        let remedy = "correct the name, or add the folder that holds it to `contracts` in \
                      `catalog.toml`";
        let what = if error.is_file_not_found() {
            format!("the contract `{opened}` is not found under any import path")
        } else {
            format!("the contract `{opened}` cannot be read: {error}")
        };
        faults.push(&want.file, want.line, what, remedy);
        return;
    };
    if error.is_parse() && is_in_edition(&origin.content) {
        let remedy = "write a descriptor set of it with `buf build -o x.binpb` (or `protoc \
                      --include_imports --descriptor_set_out=x.binpb`), and name that as the \
                      contract";
        let what = "the contract is in an edition of protobuf, which is not read as source";
        faults.push(&origin.file, line_of(error, &origin.content), what, remedy);
        return;
    }
    let remedy = if error.is_file_not_found() {
        "correct the import, or put the imported file under an import path"
    } else {
        "correct the contract"
    };
    let first: &dyn Diagnostic = error;
    for fault in std::iter::once(first).chain(error.related().into_iter().flatten()) {
        let causes = std::iter::successors(fault.diagnostic_source(), |c| c.diagnostic_source());
        let texts = std::iter::once(fault.to_string()).chain(causes.map(ToString::to_string));
        let texts = texts.collect::<Vec<_>>().join(": ").replace('\n', " ");
        let what = format!("the contract does not compile: {texts}");
        faults.push(&origin.file, line_of(fault, &origin.content), what, remedy);
    }
}

/// The line of a fault: where something is there twice, that of the second.
fn line_of(fault: &dyn Diagnostic, content: &[u8]) -> Option<usize> {
    let offset = fault.labels()?.map(|label| label.offset()).max()?;
    let before = content.get(..offset)?;
    Some(
        before
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1),
    )
}
