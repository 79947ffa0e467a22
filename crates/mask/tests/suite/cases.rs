//! The cases of the property test, each decided by its number alone: a contract, paths, an input.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::contracts::{self, Contract, WRITTEN};
use crate::generated;
use crate::messages::{message, paths, spoil};
use crate::supply::{Supply, numbers};

pub(crate) const CONTRACTS: u64 = WRITTEN.len() as u64 + GENERATED;
const GENERATED: u64 = 3000;
/// Cases of one contract. Of those that nobody wrote there are 120,000.
const OF_WRITTEN: u64 = 4000;
const OF_GENERATED: u64 = 40;
/// A case's number is that of its contract times this, and its own within the contract.
const RADIX: u64 = 10_000;
const SUPPLY_MIN: usize = 24;
const SUPPLY_MAX: usize = 200;
const SPOILING: usize = 20;

/// The contracts that were written come first.
pub(crate) fn contract(number: u64) -> Contract {
    let written = usize::try_from(number).ok().and_then(|at| WRITTEN.get(at));
    match written {
        Some(name) => contracts::written(name),
        None => generated::contract(number),
    }
}

/// The numbers of a contract's cases.
pub(crate) fn numbers_of(contract: u64) -> impl Iterator<Item = u64> {
    let cases = match contract < WRITTEN.len() as u64 {
        true => OF_WRITTEN,
        false => OF_GENERATED,
    };
    (0..cases).map(move |case| contract * RADIX + case)
}

pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) paths: Vec<String>,
    pub(crate) input: Vec<u8>,
    /// Two in five were well-formed, and then bytes of them were changed, lost, added or moved.
    pub(crate) is_spoilt: bool,
}

impl Case {
    pub(crate) fn new(contract: &Contract, number: u64) -> Case {
        Case::cut(contract, number, usize::MAX)
    }

    /// The case made of no more than `supply_max` numbers: the fewer, the smaller.
    fn cut(contract: &Contract, number: u64, supply_max: usize) -> Case {
        // Apart from the seeds of contracts.
        let numbers = numbers(number | 1 << 63, SPOILING + 1 + SUPPLY_MAX);
        let (spoiling, numbers) = numbers.split_at(SPOILING);
        let (length, numbers) = numbers.split_first().unwrap();
        let length = SUPPLY_MIN + *length as usize % (SUPPLY_MAX - SUPPLY_MIN);
        let mut supply = Supply::new(&numbers[..length.min(supply_max)]);
        let paths = paths(&contract.mask, &mut supply);
        let mut input = message(&contract.twin, &mut supply);
        let is_spoilt = number % 5 > 2;
        if is_spoilt {
            spoil(&mut input, &mut Supply::new(spoiling));
        }
        Case {
            number,
            paths,
            input,
            is_spoilt,
        }
    }

    /// The smallest case like this one of which `fails` still holds.
    pub(crate) fn shrink(self, contract: &Contract, fails: impl Fn(&Case) -> bool) -> Case {
        let mut smaller = (0..SUPPLY_MAX).map(|max| Case::cut(contract, self.number, max));
        smaller.find(|case| fails(case)).unwrap_or(self)
    }

    /// All that is needed to see what goes on here.
    pub(crate) fn tell(&self, contract: &Contract) -> String {
        let input: String = self
            .input
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut known = vec![contract.mask.clone()];
        let mut told = Vec::new();
        while let Some(message) = known.pop() {
            let line = tell_message(&message);
            if !told.contains(&line) {
                told.push(line);
                let fields = message.fields();
                known.extend(fields.filter_map(|field| field.kind().as_message().cloned()));
            }
        }
        format!(
            "case {}: `{}` of\n{}\npaths {:?}\non {input}",
            self.number,
            contract.mask.full_name(),
            told.join("\n"),
            self.paths,
        )
    }
}

fn tell_message(message: &MessageDescriptor) -> String {
    let fields: Vec<_> = message.fields().map(|field| tell_field(&field)).collect();
    format!("{} {{ {}}}", message.full_name(), fields.concat())
}

fn tell_field(field: &FieldDescriptor) -> String {
    // Never the debugging form of what a message or an enum is: it may recur without end.
    let kind = match field.kind() {
        Kind::Message(message) if field.is_group() => format!("group {}", message.full_name()),
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(codes) => codes.full_name().to_owned(),
        scalar => format!("{scalar:?}"),
    };
    let oneof = field.containing_oneof();
    let oneof = oneof.map_or(String::new(), |oneof| format!(" in {}", oneof.name()));
    let label = if field.is_list() || field.is_map() {
        "repeated "
    } else {
        ""
    };
    format!(
        "{label}{kind} {} = {}{oneof}; ",
        field.name(),
        field.number()
    )
}
