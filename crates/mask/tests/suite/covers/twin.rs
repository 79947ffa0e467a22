//! The twin decodes what leaves where nothing is covered, and covers it letter by letter.

use bytes::Bytes;
use motlan_mask::{Cover, Keep, Mask, MaskError, resolve};
use prost::encoding::decode_varint;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

use crate::cases::{self, Case};
use crate::contracts::{Contract, WRITTEN};
use crate::supply::{Supply, numbers};
use crate::twin::canonical;

/// Besides those that were written.
const GENERATED: u64 = 500;
/// How deep beneath a message that is granted whole.
const STEPS_MAX: usize = 3;

/// Covers for some of the strings that the case's paths grant, no path twice.
fn covers(contract: &Contract, case: &Case) -> Vec<Cover> {
    let numbers = numbers(case.number | 3 << 62, 64);
    let mut supply = Supply::new(&numbers);
    let mut covers: Vec<Cover> = Vec::new();
    for path in &case.paths {
        let Some(path) = text_at(contract, path, &mut supply) else {
            continue;
        };
        let kept = supply.below(4) as u16;
        let keep = match supply.below(2) {
            0 => Keep::First(kept),
            _ => Keep::Last(kept),
        };
        if covers.iter().all(|cover| cover.path != path) {
            covers.push(Cover { path, keep });
        }
    }
    covers
}

/// The path itself, if it leads to strings, or one that lies beneath it.
fn text_at(contract: &Contract, path: &str, supply: &mut Supply<'_>) -> Option<String> {
    let mut fields = resolve(&contract.mask, path).ok()?;
    // What an `Any` holds is dropped where another path grants the message around it whole.
    if fields.iter().any(holds_any) {
        return None;
    }
    let mut field = fields.pop()?;
    let mut path = path.to_owned();
    for _ in 0..STEPS_MAX {
        if matches!(value_kind(&field), Kind::String) {
            return Some(path);
        }
        let within = value_kind(&field).as_message()?.clone();
        let fields: Vec<_> = within.fields().filter(|field| !holds_any(field)).collect();
        if fields.is_empty() {
            return None;
        }
        field = supply.one_of(&fields);
        path = format!("{path}.{}", field.name());
    }
    None
}

fn holds_any(field: &FieldDescriptor) -> bool {
    let kind = value_kind(field);
    let message = kind.as_message();
    message.is_some_and(|message| message.full_name() == "google.protobuf.Any")
}

fn value_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

/// Covers in `message` what lies at `steps`. Whether any such value was met.
fn cover(message: &mut DynamicMessage, steps: &[&str], keep: Keep) -> bool {
    let (step, rest) = steps.split_first().unwrap();
    let field = message.descriptor().get_field_by_name(step).unwrap();
    message.has_field(&field) && cover_value(message.get_field_mut(&field), rest, keep)
}

fn cover_value(value: &mut Value, rest: &[&str], keep: Keep) -> bool {
    let mut met = false;
    match value {
        Value::Message(message) => met = cover(message, rest, keep),
        Value::List(values) => {
            for value in values {
                met |= cover_value(value, rest, keep);
            }
        }
        Value::Map(values) => {
            for value in values.values_mut() {
                met |= cover_value(value, rest, keep);
            }
        }
        Value::String(text) => {
            met = true;
            *text = stars(text, keep);
        }
        // Strings that need not be UTF-8 are bytes to the twin.
        Value::Bytes(text) => {
            met = true;
            *text = stars(std::str::from_utf8(text).unwrap(), keep).into();
        }
        other => panic!("{other:?} is covered"),
    }
    met
}

fn stars(text: &str, keep: Keep) -> String {
    let count = text.chars().count();
    let is_kept = |at: usize| match keep {
        Keep::First(kept) => usize::from(kept) < count && at < usize::from(kept),
        Keep::Last(kept) => usize::from(kept) < count && at >= count - usize::from(kept),
    };
    let letters = text.chars().enumerate();
    let letters = letters.map(|(at, letter)| if is_kept(at) { letter } else { '*' });
    letters.collect()
}

/// Whether mask and twin agree; and how many covers met a value.
fn check(contract: &Contract, case: &Case, covers: &[Cover]) -> Result<usize, String> {
    let paths = || case.paths.iter().map(String::as_str);
    let input = Bytes::copy_from_slice(&case.input);
    let plain = Mask::compile(&contract.mask, paths()).unwrap();
    let covering = Mask::compile_with(&contract.mask, paths(), covers).unwrap();
    let (shown, covered) = match (plain.apply(&input), covering.apply(&input)) {
        (Err(_), Err(_)) => return Ok(0),
        // Only a string that is covered must be UTF-8 where its file does not promise it.
        (Ok(_), Err(MaskError::Utf8 { at, .. })) if !is_utf8(&case.input[at..]) => return Ok(0),
        (Ok(shown), Ok(covered)) => (shown, covered),
        (shown, covered) => return Err(format!("plain: {shown:?}, covering: {covered:?}")),
    };
    let names = plain.dropped(&shown.withheld);
    if !names.eq(covering.dropped(&covered.withheld)) {
        return Err("dropped fields are reported otherwise".to_owned());
    }
    let names = plain.absent(&shown.withheld);
    if !names.eq(covering.absent(&covered.withheld)) {
        return Err("absent fields are reported otherwise".to_owned());
    }
    let again = covering.apply(&covered.bytes).map(|again| again.bytes);
    if again.as_ref() != Ok(&covered.bytes) {
        return Err("what is covered is covered otherwise again".to_owned());
    }
    let read = |bytes: &Bytes| DynamicMessage::decode(contract.twin.clone(), bytes.clone());
    let (mut shown, left) = match (read(&shown.bytes), read(&covered.bytes)) {
        (Ok(shown), Ok(left)) => (shown, left),
        (Err(_), Err(_)) if case.is_spoilt => return Ok(0),
        _ => return Err("only one of the two can be read".to_owned()),
    };
    let reported: Vec<&str> = covering.covered(&covered.withheld).collect();
    let mut met = 0;
    for Cover { path, keep } in covers {
        let steps: Vec<_> = path.split('.').collect();
        let is_met = cover(&mut shown, &steps, *keep);
        met += usize::from(is_met);
        if is_met && !reported.contains(&path.as_str()) {
            return Err(format!("`{path}` was covered, but not reported"));
        }
    }
    let (shown, left) = (canonical(&shown), canonical(&left));
    match shown == left {
        true => Ok(met),
        false => Err(format!("mask: {left}\ntwin: {shown}")),
    }
}

/// Whether the string that begins with its tag is what it should be.
fn is_utf8(mut field: &[u8]) -> bool {
    let field = &mut field;
    decode_varint(field).unwrap();
    let length = decode_varint(field).unwrap();
    std::str::from_utf8(&field[..length as usize]).is_ok()
}

#[test]
fn what_leaves_covered_is_what_the_twin_covers() {
    let (mut cases, mut met, mut beneath) = (0, 0, 0);
    for contract in 0..WRITTEN.len() as u64 + GENERATED {
        let numbers = cases::numbers_of(contract).take(500);
        let contract = cases::contract(contract);
        for case in numbers.map(|number| Case::new(&contract, number)) {
            let covers = covers(&contract, &case);
            let checked = check(&contract, &case, &covers);
            met += checked.unwrap_or_else(|why| {
                panic!("{}\ncovers {covers:?}\n{why}", case.tell(&contract));
            });
            cases += usize::from(!covers.is_empty());
            beneath += usize::from(covers.iter().any(|cover| !case.paths.contains(&cover.path)));
        }
    }
    // The cases are what they are for.
    assert!(cases > 5000, "{cases} cases");
    assert!(met > 1200, "{met} met of {cases} cases");
    assert!(beneath > 600, "{beneath} beneath of {cases} cases");
}

#[test]
fn a_mask_that_covers_a_letter_less_is_found_out() {
    let contract = crate::contracts::written("sample.Scalars");
    let case = Case {
        number: 0,
        paths: vec!["text".to_owned()],
        input: crate::wire::bytes(9, "Hàng Bông"),
        is_spoilt: false,
    };
    let last = |kept| Cover {
        path: "text".to_owned(),
        keep: Keep::Last(kept),
    };
    assert_eq!(check(&contract, &case, &[last(3)]), Ok(1));
    let less = Mask::compile_with(&contract.mask, ["text"], &[last(4)]).unwrap();
    let left = less.apply(&case.input.clone().into()).unwrap().bytes;
    let read = |bytes: Bytes| DynamicMessage::decode(contract.twin.clone(), bytes).unwrap();
    let mut twin = read(case.input.into());
    cover(&mut twin, &["text"], Keep::Last(3));
    assert_ne!(canonical(&read(left)), canonical(&twin));
}
