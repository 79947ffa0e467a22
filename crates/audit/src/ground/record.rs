//! The record that a ground stands for.

use aws_lc_rs::hmac;
use motlan_api::audit::v1::{Component, GroundOutcome, Record, RecordKind};

use super::{Ground, GroundError, GroundFault, GroundId, SignedGround, seconds};
use crate::ledger::Entry;
use crate::origin::RecordId;
use crate::verify::tells_a_component;

/// The longest text of a ground.
const TEXT_BYTES_MAX: usize = 512;
/// The most texts of a list.
const LIST_MAX: usize = 256;
/// How long all texts of a ground may be together.
const TEXTS_BYTES_MAX: usize = 20_000;

/// What is recorded of a ground: `entry` with all that the ground says.
pub(crate) fn entry(
    mut entry: Entry,
    ground: &Ground,
    id: &GroundId,
) -> Result<Entry, GroundError> {
    fit(ground).map_err(GroundError::Malformed)?;
    let record = &mut entry.record;
    // In whole seconds, as the ground will have it.
    if seconds(record.time_us) <= 0 || seconds(ground.received_us) <= 0 {
        let what = "it does not say when it is made, or when the dossier came in";
        return Err(GroundError::Malformed(what));
    }
    fill(record, ground, id);
    if !tells_a_component(record) {
        return Err(GroundError::Malformed(NOT_WHOLE));
    }
    entry.sealed.subject.clone_from(&ground.subject);
    entry.sealed.dossier.clone_from(&ground.dossier);
    Ok(entry)
}

const NOT_WHOLE: &str = "what it says of the document, of why it may be asked for or of when the \
                         dossier came in does not go together";

fn fill(record: &mut Record, ground: &Ground, id: &GroundId) {
    record.kind = RecordKind::Component.into();
    record.caller.clone_from(&ground.caller);
    record.procedure.clone_from(&ground.procedure);
    record.dataset.clone_from(&ground.dataset);
    record.component = Some(Component {
        document: ground.document.clone(),
        variant: ground.variant.clone(),
        database: ground.database.clone(),
        outcome: ground.outcome.into(),
        fields: ground.fields.clone(),
        clauses: ground.clauses.clone(),
        channel: ground.channel.into(),
        received_us: ground.received_us,
        due_us: ground.due_us.unwrap_or_default(),
        lookup: lookup(ground),
        commitment: commitment(ground, id),
    });
}

/// Binds a ground to its record, and tells nobody who has only the record whom it is about: without
/// the id of the ground no dossier and no subject can be tried.
fn commitment(ground: &Ground, id: &GroundId) -> Vec<u8> {
    let mut tag = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, id));
    for text in [&ground.dossier, &ground.subject] {
        tag.update(&(text.len() as u64).to_be_bytes());
        tag.update(text.as_bytes());
    }
    tag.sign().as_ref().to_vec()
}

fn lookup(ground: &Ground) -> String {
    let lookup = ground.lookup.as_ref();
    lookup.map(RecordId::to_string).unwrap_or_default()
}

/// Checks what a signed ground says by itself.
pub(super) fn check(signed: &SignedGround) -> Result<(), GroundFault> {
    let ground = &signed.ground;
    fit(ground).map_err(GroundFault::NoGround)?;
    let mut record = Record::default();
    fill(&mut record, ground, &signed.id);
    if !tells_a_component(&record) {
        return Err(GroundFault::NoGround(NOT_WHOLE));
    }
    if signed.issued_s <= 0 {
        return Err(GroundFault::Claim("iat"));
    }
    // That the record is one of the log which it names.
    match signed.origin.record_id(signed.record.index()) == signed.record {
        true => Ok(()),
        false => Err(GroundFault::Claim("record")),
    }
}

/// Checks that a ground is one, of texts that can be shown, and not too long.
fn fit(ground: &Ground) -> Result<(), &'static str> {
    if ground.outcome == GroundOutcome::Unspecified {
        return Err("it does not say why");
    }
    if ground.dossier.is_empty() {
        return Err("it names no dossier");
    }
    let Ground {
        caller,
        procedure,
        variant,
        dossier,
        subject,
        document,
        dataset,
        database,
        fields,
        clauses,
        ..
    } = ground;
    if fields.len() > LIST_MAX || clauses.len() > LIST_MAX {
        return Err("a list has more than 256 texts");
    }
    let one = [
        caller, procedure, variant, dossier, subject, document, dataset, database,
    ];
    let listed = || fields.iter().chain(clauses);
    let all = || one.into_iter().chain(listed());
    if listed().any(String::is_empty) {
        return Err("a list has an empty text");
    }
    if all().any(|text| text.chars().any(char::is_control)) {
        return Err("a text has a control character");
    }
    if all().any(|text| text.len() > TEXT_BYTES_MAX) {
        return Err("a text has more than 512 bytes");
    }
    match all().map(String::len).sum::<usize>() > TEXTS_BYTES_MAX {
        true => Err("its texts have more than 20,000 bytes"),
        false => Ok(()),
    }
}

/// Checks that a ground and a record say the same.
pub(super) fn agrees(signed: &SignedGround, record: &Record) -> Result<(), GroundFault> {
    // R98: a ground is worth what its record says.
    let ground = &signed.ground;
    let component = match &record.component {
        Some(component) if record.kind() == RecordKind::Component => component,
        _ => return Err(GroundFault::Differs("it is not about a component")),
    };
    if !tells_a_component(record) {
        return Err(GroundFault::Differs("it does not say what became of what"));
    }
    let due_s = |due_us: i64| (due_us != 0).then(|| seconds(due_us));
    let (outcome, channel) = (i32::from(ground.outcome), i32::from(ground.channel));
    let (received_s, made_s) = (seconds(component.received_us), seconds(record.time_us));
    let claims = [
        ("the caller", record.caller == ground.caller),
        ("the procedure", record.procedure == ground.procedure),
        ("the variant", component.variant == ground.variant),
        ("the document", component.document == ground.document),
        ("the dataset", record.dataset == ground.dataset),
        ("the database", component.database == ground.database),
        ("the outcome", component.outcome == outcome),
        ("the fields", component.fields == ground.fields),
        ("the clauses", component.clauses == ground.clauses),
        ("the channel", component.channel == channel),
        (
            "when the dossier came in",
            received_s == seconds(ground.received_us),
        ),
        (
            "by when the applicant is told",
            due_s(component.due_us) == ground.due_us.map(seconds),
        ),
        ("the lookup", component.lookup == lookup(ground)),
        ("when it was made", made_s == signed.issued_s),
        (
            "the dossier or the subject",
            component.commitment == commitment(ground, &signed.id),
        ),
    ];
    match claims.into_iter().find(|(_, is_same)| !is_same) {
        Some((what, _)) => Err(GroundFault::Differs(what)),
        None => Ok(()),
    }
}
