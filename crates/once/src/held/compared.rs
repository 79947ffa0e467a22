//! What was declared, against what is held.
//!
//! Text is alike but for case, white space, the composition of letters and the letter over which a
//! tone stands; all else is alike where it is the same. Of what was not declared nothing is said: a
//! message is compared in the fields that were declared of it, a list as a whole and in its order.
//! What is held as nothing is held as the empty text, as 0, as no list.

use prost_reflect::{DynamicMessage, Value};

use super::Named;
use crate::intake::{Declared, Said};
use crate::spelling::alike;

/// The fields in which `message` differs from what was declared of it.
pub(super) fn differing(
    declared: &Declared,
    message: &DynamicMessage,
    covered: &[String],
    differing: &mut Named,
) {
    for stated in &declared.stated {
        if !covered.contains(&stated.path) {
            let held = message.get_field(&stated.field);
            one(&stated.said, &held, &stated.path, covered, differing);
        }
    }
}

fn one(said: &Said, held: &Value, path: &str, covered: &[String], found: &mut Named) {
    let is_alike = match (said, held) {
        (Said::Text(said), Value::String(held)) => *said == alike(held),
        (Said::Exactly(said), held) => said == held,
        (Said::Parts(parts), Value::Message(held)) => {
            differing(parts, held, covered, found);
            true
        }
        (Said::List(said), Value::List(held)) if said.len() == held.len() => {
            for (said, held) in said.iter().zip(held) {
                one(said, held, path, covered, found);
            }
            true
        }
        _ => false,
    };
    if !is_alike {
        found.add(path);
    }
}
