//! What a procedure needs no longer be asked for.

use std::fmt;
use std::sync::Arc;

use motlan_catalog::{
    Catalog, DocumentKind, Law, Meaning, Procedure, ProcedureCode, ProcedureRow, ReplacedDocument,
    VariantCode,
};

use crate::clause;

/// What the law says of one procedure.
#[derive(Debug)]
#[non_exhaustive]
pub struct Plan<'c> {
    /// The procedure, without a local edition.
    pub procedure: ProcedureCode,
    /// Which part of the law it rests on.
    pub listing: Listing,
    /// The variants that were planned: the one that was named, or all. None where the annex does
    /// not list the procedure.
    pub variants: Vec<Variant<'c>>,
    /// The replaced documents, each once, in the order of the law. Never empty.
    pub components: Vec<Component<'c>>,
}

/// Which part of the law a plan rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The annex lists the procedure.
    Annex,
    /// It does not: what Article 4 says of every procedure holds.
    Article4,
}

/// One variant of a procedure: a name under which the annex has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant<'c> {
    /// Which of the procedure's names, counted from 1 in the order of the annex.
    pub code: VariantCode,
    /// The name.
    pub name: &'c str,
}

/// As an error names it: by its code and its name.
impl fmt::Display for Variant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.code, self.name)
    }
}

/// A replaced document of a procedure.
#[derive(Debug)]
#[non_exhaustive]
pub struct Component<'c> {
    /// What document, and where its content is held.
    pub document: Arc<DocumentKind>,
    /// Whether the law replaces only a part, by whatever row.
    pub partial: bool,
    /// What the law says of it, in the order of the law. Never empty.
    pub bases: Vec<Basis<'c>>,
}

impl Component<'_> {
    /// The clauses by which it is replaced, as they are cited, each once, in the order of the law.
    /// Never empty.
    #[must_use]
    pub fn clauses(&self, law: &Law) -> Vec<String> {
        let mut clauses = Vec::new();
        for clause in self.bases.iter().map(|basis| basis.clause(law)) {
            if !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        clauses
    }
}

/// Where the law says that a document is replaced.
#[derive(Debug, Clone)]
pub enum Basis<'c> {
    /// In a row of the annex, for a variant of the procedure.
    Annex(&'c ProcedureRow, VariantCode),
    /// In Article 4, for every procedure.
    Article4(&'c ReplacedDocument),
}

impl Basis<'_> {
    /// The clause, as it is cited.
    #[must_use]
    pub fn clause(&self, law: &Law) -> String {
        match self {
            Self::Annex(row, _) => clause::of_annex(law, &row.number),
            Self::Article4(replaced) => clause::of_article(law, &replaced.clause),
        }
    }

    /// The law's own wording for what is replaced.
    #[must_use]
    pub fn wording(&self) -> &str {
        match self {
            Self::Annex(row, _) => &row.replaced_document,
            Self::Article4(replaced) => &replaced.document,
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The catalogue has no `once/`.
    #[error("the catalogue has no `once/`: nothing tells what the law replaces")]
    NoLaw,
    /// The procedure has no such variant.
    #[error("`{procedure}` has no variant `{variant}`: {}", there_are(.known))]
    UnknownVariant {
        /// The procedure.
        procedure: ProcedureCode,
        /// The variant that was asked for.
        variant: VariantCode,
        /// The variants there are, each with its name. None where the annex does not list the
        /// procedure.
        known: Vec<String>,
    },
}

fn there_are(known: &[String]) -> String {
    if known.is_empty() {
        return "the annex does not list the procedure".to_owned();
    }
    format!("there are {}", known.join(", "))
}

/// What the law says of a procedure: of one variant, or of all where none is named.
///
/// # Errors
/// Where the catalogue has no `once/`, or the procedure no such variant.
pub fn plan<'c>(
    catalog: &'c Catalog,
    procedure: &ProcedureCode,
    variant: Option<&VariantCode>,
) -> Result<Plan<'c>, PlanError> {
    if catalog.once().is_none() {
        return Err(PlanError::NoLaw);
    }
    let listed = catalog.procedure(procedure);
    let listed = listed.or_else(|| catalog.procedure(&procedure.national()));
    let known = listed.map(variants).unwrap_or_default();
    let variants: Vec<Variant<'c>> = match variant {
        None => known,
        Some(variant) => {
            let names = known.iter().map(Variant::to_string).collect();
            let mut named = known;
            named.retain(|known| known.code == *variant);
            if named.is_empty() {
                return Err(PlanError::UnknownVariant {
                    procedure: procedure.clone(),
                    variant: variant.clone(),
                    known: names,
                });
            }
            named
        }
    };
    // R81: of what is not listed, Article 4 speaks.
    let Some(listed) = listed else {
        return Ok(Plan {
            procedure: procedure.national(),
            listing: Listing::Article4,
            variants,
            components: everywhere(catalog),
        });
    };
    Ok(Plan {
        procedure: listed.code.clone(),
        listing: Listing::Annex,
        components: of_rows(listed, &variants),
        variants,
    })
}

/// The variants of a procedure.
pub(crate) fn variants(procedure: &Procedure) -> Vec<Variant<'_>> {
    let numbered = procedure.names().zip(1_usize..);
    numbered
        .filter_map(|(name, number)| {
            let code = number.to_string().parse().ok()?;
            Some(Variant { code, name })
        })
        .collect()
}

fn of_rows<'c>(procedure: &'c Procedure, variants: &[Variant<'_>]) -> Vec<Component<'c>> {
    let mut components = Vec::new();
    for row in &procedure.rows {
        let variant = variants.iter().find(|variant| variant.name == row.name);
        if let (Some(variant), Some(meaning)) = (variant, &row.meaning) {
            let basis = Basis::Annex(row, variant.code.clone());
            add(&mut components, meaning, &basis);
        }
    }
    components
}

/// What Article 4 replaces in every procedure.
pub(crate) fn everywhere(catalog: &Catalog) -> Vec<Component<'_>> {
    let mut components = Vec::new();
    for replaced in catalog.replaced_documents() {
        if let Some(meaning) = &replaced.meaning {
            add(&mut components, meaning, &Basis::Article4(replaced));
        }
    }
    components
}

fn add<'c>(components: &mut Vec<Component<'c>>, meaning: &Meaning, basis: &Basis<'c>) {
    for document in &meaning.documents {
        let mut same = components.iter_mut();
        if let Some(found) = same.find(|found| found.document.code == document.code) {
            found.partial |= meaning.partial;
            found.bases.push(basis.clone());
        } else {
            components.push(Component {
                document: Arc::clone(document),
                partial: meaning.partial,
                bases: vec![basis.clone()],
            });
        }
    }
}
