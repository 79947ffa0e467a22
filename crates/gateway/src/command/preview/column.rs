//! One column of a preview: a view, the grants that give it, and what leaves under it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use motlan_catalog::{
    Agreement, Catalog, Grant, Method, NarrowError, Procedure, ProcedureCode, System, View,
};
use motlan_mask::{Cover, Mask};
use motlan_policy::{Refusal, asked};
use prost_reflect::DynamicMessage;
use serde::Serialize;

use super::leaving::Leaving;
use super::report::ReportError;
use super::sample::Sample;

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// A day in Việt Nam, on which an agreement is in force or not.
pub(super) struct Day {
    pub(super) date: Date,
    at_ms: i64,
}

impl Day {
    /// The day as a whole: agreements begin and end with days.
    pub(super) fn of(date: Date) -> Result<Self, jiff::Error> {
        let start = date.to_zoned(TimeZone::fixed(VIETNAM))?;
        let at_ms = start.timestamp().as_millisecond();
        Ok(Self { date, at_ms })
    }

    /// The clock is at the edge: here, and nowhere further in.
    pub(super) fn today() -> anyhow::Result<Self> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let date = date(i64::try_from(since_epoch.as_millis())?)?;
        Ok(Self::of(date)?)
    }
}

fn date(unix_ms: i64) -> Result<Date, jiff::Error> {
    let instant = Timestamp::from_millisecond(unix_ms)?;
    Ok(VIETNAM.to_datetime(instant).date())
}

/// A view, and what leaves under it.
#[derive(Serialize)]
pub(super) struct Column {
    /// The view's name.
    pub(super) view: String,
    /// What it is for, in Vietnamese.
    pub(super) title_vi: String,
    /// The paths that it gives.
    pub(super) paths: Vec<String>,
    /// The grants that give it on this method; empty: no agreement does.
    pub(super) grants: Vec<Granted>,
    /// What leaves; absent where the fields that are asked for are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) released: Option<Released>,
    /// Why nothing leaves: the view does not give the fields that are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
}

/// A grant that gives the view.
#[derive(Serialize)]
pub(super) struct Granted {
    /// `agreement/grant`.
    pub(super) id: String,
    /// The agreement's title.
    pub(super) title: String,
    /// The agency that may ask, and its name in Vietnamese.
    pub(super) consumer: String,
    pub(super) consumer_name: String,
    /// The systems that may ask: those that the grant names, else all of the consumer's.
    pub(super) systems: Vec<Asking>,
    /// The procedures for which they may.
    pub(super) procedures: Vec<Purpose>,
    /// The first and the last day, in Việt Nam.
    pub(super) valid_from: String,
    pub(super) valid_until: String,
    /// Whether the day of the preview is one of them.
    pub(super) in_force: bool,
}

/// A system that may ask.
#[derive(Serialize)]
pub(super) struct Asking {
    pub(super) id: String,
    /// A suspended system is refused whatever a grant says.
    pub(super) suspended: bool,
}

/// A procedure that a grant names.
#[derive(Serialize)]
pub(super) struct Purpose {
    pub(super) code: String,
    /// Its names: one code may cover several variants.
    pub(super) names: Vec<String>,
}

/// What leaves.
#[derive(Serialize)]
pub(super) struct Released {
    /// The bytes of the encoded message that leaves.
    pub(super) bytes: usize,
    /// The paths that were kept back, as `motlan-withheld` tells the caller; `?`, last, where
    /// something was that has no path.
    pub(super) withheld: Vec<String>,
    /// The paths of which part of the value was covered, as the grants say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) covered: Vec<String>,
    /// The granted paths that the sample lacks.
    pub(super) absent: Vec<String>,
    /// The message that leaves, as protobuf JSON with the contract's field names.
    pub(super) message: Leaving,
}

/// Why a caller would be refused.
#[derive(Serialize)]
pub(super) struct Refused {
    /// The stable reason.
    pub(super) reason: &'static str,
    /// What a caller would read, for each grant; of a view that none gives, what it lacks.
    pub(super) sentences: Vec<String>,
}

/// A view that is given on `method`, with those of its grants that cover the same parts of values.
pub(super) struct Given<'c> {
    pub(super) view: &'c Arc<View>,
    pub(super) grants: Vec<(&'c Agreement, &'c Grant)>,
    pub(super) covers: Vec<Cover>,
}

impl Given<'_> {
    /// R53: what leaves is what the grants' own mask lets through, decoded again.
    pub(super) fn column(
        &self,
        catalog: &Catalog,
        method: &Method,
        sample: &Sample,
        asked: Option<&[String]>,
        day: &Day,
    ) -> Result<Column, ReportError> {
        let (mut released, mut refused) = (None, None);
        match self.mask(method, asked)? {
            Ok(mask) => released = Some(apply(&mask, method, sample)?),
            Err(refusal) => refused = Some(refusal),
        }
        let grants = self.grants.iter();
        let grants = grants.map(|(agreement, grant)| granted(catalog, agreement, grant, day));
        Ok(Column {
            view: self.view.name.to_string(),
            title_vi: self.view.title_vi.clone(),
            paths: self.view.paths.clone(),
            grants: grants.collect::<Result<_, _>>()?,
            released,
            refused,
        })
    }

    /// The grants' mask, or that of the fields that are asked for.
    fn mask(
        &self,
        method: &Method,
        asked: Option<&[String]>,
    ) -> Result<Result<Arc<Mask>, Refused>, ReportError> {
        let Some(asked) = asked else {
            let of_grants = self.grants.first().map(|(_, grant)| &grant.mask);
            return Ok(Ok(Arc::clone(of_grants.unwrap_or(&self.view.mask))));
        };
        match self.view.narrow(method, asked, &self.covers) {
            Ok(mask) => Ok(Ok(Arc::new(mask))),
            Err(NarrowError::NotGranted { paths }) => Ok(Err(self.refused(&paths))),
            Err(NarrowError::Unknown { path, suggestion }) => {
                Err(ReportError::Asked(Refusal::FieldUnknown {
                    field: path,
                    suggestion,
                }))
            }
            Err(error) => Err(ReportError::Narrow(error)),
        }
    }

    fn refused(&self, paths: &[String]) -> Refused {
        let refusals = self
            .grants
            .iter()
            .map(|(_, grant)| Refusal::FieldNotGranted {
                grant: grant.id.clone(),
                fields: paths.to_vec(),
            });
        let mut sentences: Vec<String> = refusals.map(|refusal| refusal.to_string()).collect();
        if sentences.is_empty() {
            let (view, paths) = (&self.view.name, paths.join("`, `"));
            sentences.push(format!("the view `{view}` does not give `{paths}`"));
        }
        Refused {
            reason: "FIELD_NOT_GRANTED",
            sentences,
        }
    }
}

/// What a caller asks for, as the gateway reads `motlan-fields` and the policy takes it.
pub(super) fn fields_asked(joined: &str) -> Result<Vec<String>, ReportError> {
    let paths = asked::listed(joined).ok_or_else(|| ReportError::Paths(joined.to_owned()))?;
    asked::settled(&paths).map_err(ReportError::Asked)
}

fn apply(mask: &Mask, method: &Method, sample: &Sample) -> Result<Released, ReportError> {
    let masked = mask.apply(&sample.bytes)?;
    Ok(Released {
        bytes: masked.bytes.len(),
        withheld: mask.dropped(&masked.withheld).map(str::to_owned).collect(),
        covered: mask.covered(&masked.withheld).map(str::to_owned).collect(),
        absent: mask.absent(&masked.withheld).map(str::to_owned).collect(),
        message: Leaving(DynamicMessage::decode(
            method.response.clone(),
            masked.bytes,
        )?),
    })
}

fn granted(
    catalog: &Catalog,
    agreement: &Agreement,
    grant: &Grant,
    day: &Day,
) -> Result<Granted, jiff::Error> {
    let consumer = &agreement.consumer;
    let may_ask = |system: &&Arc<System>| match grant.systems.as_slice() {
        [] => system.agency == *consumer,
        named => named.contains(&system.id),
    };
    let purpose = |code: &ProcedureCode| {
        let procedure = catalog.procedure(code);
        let names = procedure.into_iter().flat_map(Procedure::names);
        Purpose {
            code: code.to_string(),
            names: names.map(str::to_owned).collect(),
        }
    };
    let agency = catalog.agency(consumer);
    Ok(Granted {
        id: grant.id.to_string(),
        title: agreement.title.clone(),
        consumer: consumer.to_string(),
        consumer_name: agency
            .map(|agency| agency.name_vi.clone())
            .unwrap_or_default(),
        systems: catalog
            .systems()
            .filter(may_ask)
            .map(|system| Asking {
                id: system.id.to_string(),
                suspended: system.suspended,
            })
            .collect(),
        procedures: grant.procedures.iter().map(purpose).collect(),
        valid_from: date(agreement.valid.from_ms)?.to_string(),
        // The first instant after it is the last day's midnight.
        valid_until: date(agreement.valid.until_ms.saturating_sub(1))?.to_string(),
        in_force: agreement.valid.contains(day.at_ms),
    })
}
