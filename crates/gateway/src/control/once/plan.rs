//! `Plan` of `motlan.once.v1.OnceOnly`: what the law says of a procedure, and what of it the
//! calling system may fetch.

use jiff::civil::Date;
use motlan_api::once::v1 as wire;
use motlan_catalog::{Law, Once, ProcedureCode, Source, System};
use motlan_once::{Basis, Component, Listing, Plan, PlanError, plan};
use motlan_policy::{Backing, Moment, Query};
use tonic::Code;

use crate::enforced::Enforced;
use crate::lookup::WireError;

/// Answers one call.
pub(super) fn planned(
    set: &Enforced,
    system: &System,
    request: &wire::PlanRequest,
    now: Moment,
    today: Date,
) -> Result<wire::PlanResponse, WireError> {
    let law = &law(set)?.law;
    let plan = lawful(set, &request.procedure, &request.variant)?;
    let asking = Asking {
        set,
        system,
        law,
        procedure: request.procedure.parse().unwrap_or(plan.procedure.clone()),
        now,
        today,
    };
    let listing = match plan.listing {
        Listing::Annex => wire::Listing::Annex,
        Listing::Article4 => wire::Listing::Article4,
    };
    let variants = plan.variants.iter().map(|variant| wire::Variant {
        code: variant.code.to_string(),
        name: variant.name.to_owned(),
    });
    let components = plan.components.iter().map(|it| asking.component(it));
    Ok(wire::PlanResponse {
        procedure: plan.procedure.to_string(),
        listing: listing.into(),
        variants: variants.collect(),
        components: components.collect(),
        revision: set.revision().to_string(),
    })
}

/// The law of the catalogue.
pub(super) fn law(set: &Enforced) -> Result<&Once, WireError> {
    set.catalog.once().ok_or_else(absent)
}

/// Why there is no plan.
pub(super) enum Unplanned {
    /// The catalogue has no law.
    Lawless,
    /// A field of the request is wrong, and in what.
    Field(&'static str, String),
}

impl From<Unplanned> for WireError {
    fn from(unplanned: Unplanned) -> Self {
        match unplanned {
            Unplanned::Lawless => absent(),
            Unplanned::Field(field, what) => Self::malformed(vec![(field.to_owned(), what)], 0),
        }
    }
}

/// What the law says of a procedure, which is named with its variant as a caller wrote them.
pub(super) fn lawful<'c>(
    set: &'c Enforced,
    procedure: &str,
    variant: &str,
) -> Result<Plan<'c>, Unplanned> {
    let code: ProcedureCode = procedure.parse().map_err(|_| {
        let what = "must be a procedure's code, as in `1.004222`".to_owned();
        Unplanned::Field("procedure", what)
    })?;
    let unknown = |what| Unplanned::Field("variant", what);
    let variant = match variant {
        "" => None,
        named => {
            let parsed = named.parse();
            let what = || unknown("must be the number of a variant, as in `1`".to_owned());
            Some(parsed.map_err(|_| what())?)
        }
    };
    plan(&set.catalog, &code, variant.as_ref()).map_err(|error| match error {
        PlanError::UnknownVariant { known, .. } if known.is_empty() => {
            unknown("must be empty: the annex does not list the procedure".to_owned())
        }
        PlanError::UnknownVariant { known, .. } => {
            unknown(format!("must be one of {}", known.join(", ")))
        }
        _ => Unplanned::Lawless,
    })
}

fn absent() -> WireError {
    let message = "the catalogue does not say what the law replaces; tell the operator";
    WireError::new(Code::FailedPrecondition, "LAW_ABSENT", message)
}

/// Who asks for a plan, and when.
struct Asking<'a> {
    set: &'a Enforced,
    system: &'a System,
    law: &'a Law,
    /// As it was named, with its local edition.
    procedure: ProcedureCode,
    now: Moment,
    today: Date,
}

impl Asking<'_> {
    fn component(&self, component: &Component<'_>) -> wire::PlannedComponent {
        let document = &component.document;
        let is_published = document.source.published(self.today).is_some();
        let holding = match is_published {
            true => wire::Holding::Published,
            false => wire::Holding::NotPublished,
        };
        let planned = wire::PlannedComponent {
            document: document.code.to_string(),
            title_vi: document.title_vi.clone(),
            title_en: document.title_en.clone(),
            partial: component.partial,
            bases: component.bases.iter().map(|it| self.basis(it)).collect(),
            holding: holding.into(),
            owner: document.source.owner().to_string(),
            ..wire::PlannedComponent::default()
        };
        let held = match &document.source {
            Source::NotPublished(database) => {
                let database = database.id.to_string();
                return wire::PlannedComponent {
                    database,
                    ..planned
                };
            }
            Source::Held(held) => held,
        };
        let since = held.dataset.published_at;
        let query = Query {
            system: self.system,
            method: &held.method,
            procedure: &self.procedure,
            dossier: true,
            backing: Backing::default(),
            cited: None,
            fields: &held.view.paths,
        };
        let grants = self.set.rules.allowing(&self.set.catalog, &query, self.now);
        wire::PlannedComponent {
            dataset: held.dataset.id.to_string(),
            method: held.method.path.clone(),
            view: held.view.name.to_string(),
            subject: held.method.subject_path.clone(),
            published_at: since.map(|day| day.to_string()).unwrap_or_default(),
            grants: grants.iter().map(ToString::to_string).collect(),
            ..planned
        }
    }

    fn basis(&self, basis: &Basis<'_>) -> wire::LegalBasis {
        let variant = match basis {
            Basis::Annex(_, variant) => variant.to_string(),
            Basis::Article4(_) => String::new(),
        };
        wire::LegalBasis {
            clause: basis.clause(self.law),
            wording: basis.wording().to_owned(),
            variant,
        }
    }
}
