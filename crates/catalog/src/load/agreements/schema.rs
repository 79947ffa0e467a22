//! The shape of the agreement file, for editors. The tables are described here beside the loader,
//! the words and names by the types that the loader makes of them, and
//! `tests/catalog/schema.rs` holds both against each other, key by key.
#![expect(dead_code, reason = "the tables are described; the loader reads them")]

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::CITATIONS_MAX;
use super::cases::CASES_MAX;
use super::terms::{
    COVERS_MAX, DAYS_MAX, EMERGENCY_MINUTES_MAX, KEPT_CHARS_MAX, OFFICIAL_CHARS_MAX, OFFICIALS_MAX,
    REVIEW_HOURS_MAX,
};
use crate::document::ITEMS_MAX;
use crate::hours::{SPANS_MAX, Span, Weekday};
use crate::name::{AgencyCode, AgreementId, DatasetId, NAME_BYTES_MAX, ProcedureCode, SystemId};
use crate::terms::{APPROVALS_MAX, LogLevel, Relaxed};

/// The JSON Schema (2020-12) of an agreement file, for editors that complete and check while one
/// writes. What passes it may still not load: it knows keys, kinds, bounds and words, and nothing
/// of the catalogue.
#[must_use]
pub fn agreement_schema() -> String {
    // R91: no other key, and no value of another form.
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let settings = settings.with_transform(RecursiveTransform(never_null));
    let schema = settings
        .into_generator()
        .into_root_schema_for::<Agreement>();
    format!("{:#}\n", schema.as_value())
}

/// TOML has no `null`: what may be left out is left out.
fn never_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
}

/// An agreement between two agencies: what it does not say is refused.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Agreement {
    /// The agreement's name.
    id: AgreementId,
    /// 1 at first; every change of what is signed takes the next number.
    #[schemars(range(min = 1, max = u32::MAX))]
    version: Whole,
    /// What it is called.
    title: Text,
    /// The agency that shares, and owns every dataset below.
    provider: AgencyCode,
    /// The agency that may ask.
    consumer: AgencyCode,
    /// The instruments that it rests on, each with article and clause.
    #[schemars(length(min = 1, max = CITATIONS_MAX))]
    legal_basis: Vec<Text>,
    /// Its first day, in Việt Nam, without quotes.
    valid_from: Day,
    /// Its last day, which is within, without quotes.
    valid_until: Day,
    /// What is given.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    grant: Vec<Grant>,
    /// What must hold before it loads: at least one that is allowed, and one that is refused.
    #[schemars(length(min = 2, max = CASES_MAX))]
    test: Vec<Test>,
}

/// What is given. All of it must be met at once, and two grants are never added up.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Grant {
    /// Its name within the agreement.
    id: Label,
    /// The dataset.
    dataset: DatasetId,
    /// The fields that may leave, by the name that the contract gives them.
    view: Text,
    /// The methods that may be called; each answers with the message of the view.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    methods: Vec<Text>,
    /// The administrative procedures for which it may be used.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    procedures: Vec<ProcedureCode>,
    /// Only these systems of the consumer; left out, all of them.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    systems: Option<Vec<SystemId>>,
    /// Only these days of the week; left out, all of them.
    #[schemars(length(min = 1, max = 7))]
    days: Option<Vec<Weekday>>,
    /// Only these hours, in Việt Nam's time; left out, all day.
    #[schemars(length(min = 1, max = SPANS_MAX))]
    hours: Option<Vec<Span>>,
    /// Only where the official's token names a dossier; left out, it need not.
    dossier: Option<Required>,
    /// Only where the person has consented; left out, nobody need have.
    consent: Option<Required>,
    /// How many officials beside the one who asks must approve each lookup; left out, none.
    #[schemars(range(min = 1, max = APPROVALS_MAX))]
    approvals: Option<Whole>,
    /// How often it may be used on one day.
    quota: Option<Budget>,
    /// How often it may be used within a minute.
    rate: Option<Budget>,
    /// Makes it a grant for emergencies, and for nothing else.
    break_glass: Option<BreakGlass>,
    /// What must be done with what it gives.
    obligations: Option<Obligations>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
struct Budget {
    /// By everybody together.
    #[schemars(range(min = 1, max = u32::MAX))]
    grant: Option<Whole>,
    /// About one person, whoever asks.
    #[schemars(range(min = 1, max = u32::MAX))]
    subject: Option<Whole>,
    /// By one official, whomever it is about.
    #[schemars(range(min = 1, max = u32::MAX))]
    official: Option<Whole>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct BreakGlass {
    /// The officials who may declare an emergency, as in the `sub` of their tokens.
    #[schemars(length(min = 1, max = OFFICIALS_MAX), inner(length(max = OFFICIAL_CHARS_MAX)))]
    officials: Vec<Text>,
    /// What need not be met in an emergency; of what the grant demands.
    #[schemars(length(max = ITEMS_MAX))]
    relaxes: Option<Vec<Relaxed>>,
    /// How long an emergency lasts, from its first use.
    #[schemars(range(min = 1, max = EMERGENCY_MINUTES_MAX))]
    minutes: Whole,
    /// Within how many hours after that it must have been reviewed.
    #[schemars(range(min = 1, max = REVIEW_HOURS_MAX))]
    review_hours: Whole,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Obligations {
    /// Parts of values that are covered.
    #[schemars(length(max = COVERS_MAX))]
    mask: Option<Vec<Mask>>,
    /// Whether the person is told.
    notify_subject: Option<bool>,
    /// The operator's log has a line of each use, so loud.
    log: Option<LogLevel>,
    /// For how many days at most the consumer keeps what it got.
    #[schemars(range(min = 1, max = DAYS_MAX))]
    keep_days: Option<Whole>,
    /// Within how many days somebody reviews each use.
    #[schemars(range(min = 1, max = DAYS_MAX))]
    review_days: Option<Whole>,
}

/// A field whose values are covered but for their first or their last characters.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [
    { "required": ["keep_first"] },
    { "required": ["keep_last"] },
]))]
struct Mask {
    /// The field, down to the leaf.
    field: Text,
    /// How many characters stay readable at the beginning.
    #[schemars(range(min = 0, max = KEPT_CHARS_MAX))]
    keep_first: Option<Whole>,
    /// How many characters stay readable at the end.
    #[schemars(range(min = 0, max = KEPT_CHARS_MAX))]
    keep_last: Option<Whole>,
}

/// A question, and what must come of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend(
    "dependentSchemas" = { "consented": {
        "required": ["consent"],
        "properties": { "consent": { "const": true } },
    } },
    "if" = { "properties": { "expect": { "const": "allowed" } } },
    "then" = { "required": ["fields"], "properties": { "fields": { "minItems": 1 } } },
    "else" = { "properties": { "fields": { "maxItems": 0 } } },
))]
struct Test {
    /// What it claims.
    name: Text,
    /// The system that asks.
    system: SystemId,
    /// The method with its dataset, as in `population/GetPerson`.
    method: MethodOf,
    /// The procedure that the official names.
    procedure: ProcedureCode,
    /// Whether the official names a dossier.
    dossier: Option<bool>,
    /// Whether the person has consented.
    consent: Option<bool>,
    /// The fields that the consent is about; left out, all.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    consented: Option<Vec<Text>>,
    /// How many others have approved.
    #[schemars(range(min = 0, max = APPROVALS_MAX))]
    approvals: Option<Whole>,
    /// The official who declares an emergency.
    emergency: Option<Text>,
    /// When, in Việt Nam's time, without quotes and without an offset.
    at: LocalTime,
    /// The grant that is cited; needed where two of the agreement fit.
    grant: Option<Text>,
    /// The fields asked for; left out, what the view gives.
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    asked: Option<Vec<Text>>,
    /// `allowed`, or the reason of the refusal, as in `PURPOSE_NOT_COVERED`.
    expect: Expected,
    /// Of what is allowed: exactly the fields that leave, down to what lies within messages.
    #[schemars(length(max = ITEMS_MAX))]
    fields: Option<Vec<Text>>,
}

/// Describes types whose values are one word, number or time.
macro_rules! leaf {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

struct Text;
struct Whole;
struct Day;
struct LocalTime;
struct Label;
struct Required;
struct MethodOf;
struct Expected;

leaf! {
    Text = shaped(r"\S");
    Whole = json_schema!({ "type": "integer" });
    Day = json_schema!({
        "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    });
    // Editors see what TOML writes without quotes as a text.
    LocalTime = shaped(r"^[0-9]{4}(-[0-9]{2}){2}[Tt ][0-9]{2}(:[0-9]{2}){1,2}(\.[0-9]+)?$");
    Label = shaped("^[A-Za-z0-9][A-Za-z0-9._-]*$");
    Required = words(["required"]);
    MethodOf = shaped("^[a-z][a-z0-9_]*/");
    Expected = shaped("^(allowed|[A-Z0-9_]+)$");
    AgencyCode = named(r"^[A-Z][0-9]{2}(\.[0-9]{2}){0,3}$");
    SystemId = named(r"^[A-Z][0-9]{2}(\.[0-9]{2}){0,3}/[a-z]([a-z0-9-]*[a-z0-9])?$");
    DatasetId = named("^[a-z][a-z0-9_]*$");
    AgreementId = named("^[A-Za-z0-9][A-Za-z0-9._-]*$");
    ProcedureCode = named(r"^[123]\.[0-9]{6}(\.000\.00\.00\.[A-Z][0-9]{2})?$");
    Span = shaped("^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$");
    Weekday = words(Self::ALL.map(Self::as_str));
    Relaxed = words(Self::ALL.map(Self::as_str));
    LogLevel = words(Self::ALL.map(Self::as_str));
}

fn shaped(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

/// A name of the catalogue, whose letters take a byte each.
fn named(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "maxLength": NAME_BYTES_MAX })
}

fn words<const N: usize>(words: [&str; N]) -> Schema {
    json_schema!({ "type": "string", "enum": words.as_slice() })
}
