//! From a descriptor and paths to a program.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::program::{Action, Name, Node, NodeId, Program, Shape, Step, report};
use crate::cover::{Cover, Keep};
use crate::editions::demands_utf8;
use crate::error::CompileError;
use crate::path::{beneath, resolve};
use crate::withheld::UNNAMED;

const ANY: &str = "google.protobuf.Any";
/// The fields of a map's entry.
const MAP_KEY: u32 = 1;
pub(crate) const MAP_VALUE: u32 = 2;

pub(super) fn compile<'a>(
    message: &MessageDescriptor,
    paths: impl IntoIterator<Item = &'a str>,
    covers: &[Cover],
) -> Result<Program, CompileError> {
    let mut granted = Part::default();
    for path in paths {
        let fields = resolve(message, path)?;
        if fields.last().is_some_and(holds_any) {
            return Err(CompileError::Opaque {
                path: path.to_owned(),
            });
        }
        granted.grant(&fields);
    }
    for Cover { path, keep } in covers {
        let fields = resolve(message, path)?;
        if !fields.last().is_some_and(holds_text) {
            return Err(CompileError::NotText { path: path.clone() });
        }
        granted.cover(&fields, *keep, path)?;
    }
    let mut compiler = Compiler::default();
    compiler.part(message, &granted, "");
    compiler.finish_whole();
    Ok(Program::new(compiler.nodes, compiler.names))
}

/// Nothing is known of what such a field holds; a map of `Any`s is no better than one.
fn holds_any(field: &FieldDescriptor) -> bool {
    beneath(field).is_some_and(|message| message.full_name() == ANY)
}

fn holds_text(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::String => true,
        Kind::Message(entry) if field.is_map() => {
            let value = entry.get_field(MAP_VALUE);
            value.is_some_and(|value| matches!(value.kind(), Kind::String))
        }
        _ => false,
    }
}

/// The granted part of a message, by field number.
#[derive(Default)]
struct Part {
    fields: BTreeMap<u32, Grant>,
    /// What is not among the fields is granted whole; otherwise, not at all.
    is_whole: bool,
}

enum Grant {
    Whole,
    Part(Part),
    Covered(Keep),
}

impl Part {
    fn grant(&mut self, path: &[FieldDescriptor]) {
        let Some((field, rest)) = path.split_first() else {
            return;
        };
        if rest.is_empty() {
            self.fields.insert(field.number(), Grant::Whole);
            return;
        }
        let nothing = || Grant::Part(Part::default());
        match self.fields.entry(field.number()).or_insert_with(nothing) {
            Grant::Whole | Grant::Covered(_) => {}
            Grant::Part(part) => part.grant(rest),
        }
    }

    /// Covers what has been granted. On the way, a message that is granted whole becomes one of
    /// which everything is granted.
    fn cover(
        &mut self,
        fields: &[FieldDescriptor],
        keep: Keep,
        path: &str,
    ) -> Result<(), CompileError> {
        let path_owned = || path.to_owned();
        let not_granted = || CompileError::CoverNotGranted { path: path_owned() };
        let (field, rest) = fields.split_first().ok_or_else(not_granted)?;
        let is_granted = self.is_whole && !holds_any(field);
        let granted = match self.fields.entry(field.number()) {
            Entry::Occupied(granted) => granted.into_mut(),
            Entry::Vacant(vacant) if is_granted => vacant.insert(Grant::Whole),
            Entry::Vacant(_) => return Err(not_granted()),
        };
        if let (Grant::Whole, false) = (&*granted, rest.is_empty()) {
            *granted = Grant::Part(Part {
                fields: BTreeMap::new(),
                is_whole: true,
            });
        }
        match granted {
            Grant::Part(part) => part.cover(rest, keep, path),
            Grant::Covered(_) => Err(CompileError::CoveredTwice { path: path_owned() }),
            Grant::Whole => {
                *granted = Grant::Covered(keep);
                Ok(())
            }
        }
    }
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    names: Vec<Name>,
    /// The node of each message type that is granted whole somewhere: one, however it recurs.
    whole: HashMap<String, NodeId>,
    /// Those of them whose nodes are not filled in yet.
    waiting: VecDeque<(NodeId, MessageDescriptor)>,
}

impl Compiler {
    /// The node for a message of which a part is granted. As deep as the deepest path.
    fn part(&mut self, message: &MessageDescriptor, part: &Part, prefix: &str) -> NodeId {
        let id = self.reserve();
        let mut steps = Vec::new();
        for field in message.fields() {
            let path = format!("{prefix}{}", field.name());
            let is_granted = !part.is_whole;
            let (action, name) = match part.fields.get(&field.number()) {
                None if part.is_whole => {
                    steps.push(self.whole_step(&field));
                    continue;
                }
                None => (Action::Drop, Some(Name::Dropped(path.into()))),
                Some(Grant::Whole) => (self.whole(&field), Some(Name::Granted(path.into()))),
                Some(Grant::Part(part)) => {
                    let action = self.within(&field, part, &format!("{path}."));
                    let name = is_granted && part.is_whole;
                    (action, name.then(|| Name::Granted(path.into())))
                }
                Some(Grant::Covered(keep)) => {
                    let path = path.into();
                    let name = Name::Covered { path, is_granted };
                    (self.covered(&field, *keep), Some(name))
                }
            };
            steps.push(step(&field, action, name.map(|name| self.name(name))));
        }
        self.fill(id, message, steps);
        id
    }

    fn within(&mut self, field: &FieldDescriptor, part: &Part, prefix: &str) -> Action {
        let Kind::Message(message) = field.kind() else {
            return Action::Drop;
        };
        if !field.is_map() {
            return Action::Descend(self.part(&message, part, prefix));
        }
        let (Some(key), Some(value)) = (message.get_field(MAP_KEY), message.get_field(MAP_VALUE))
        else {
            return Action::Drop;
        };
        let Kind::Message(beneath) = value.kind() else {
            return Action::Drop;
        };
        let id = self.reserve();
        let beneath = Action::Descend(self.part(&beneath, part, prefix));
        let steps = vec![step(&key, Action::Copy, None), step(&value, beneath, None)];
        self.fill(id, &message, steps);
        Action::Descend(id)
    }

    /// What to do with a string that is covered: that of a map lies in its entries.
    fn covered(&mut self, field: &FieldDescriptor, keep: Keep) -> Action {
        let Kind::Message(message) = field.kind() else {
            return Action::Cover(keep);
        };
        let (Some(key), Some(value)) = (message.get_field(MAP_KEY), message.get_field(MAP_VALUE))
        else {
            return Action::Drop;
        };
        let id = self.reserve();
        let (key, value) = (
            step(&key, Action::Copy, None),
            step(&value, Action::Cover(keep), None),
        );
        self.fill(id, &message, vec![key, value]);
        Action::Descend(id)
    }

    /// What to do with a field that is granted with all that is known beneath it.
    fn whole(&mut self, field: &FieldDescriptor) -> Action {
        let Kind::Message(message) = field.kind() else {
            return Action::Copy;
        };
        if let Some(id) = self.whole.get(message.full_name()) {
            return Action::Descend(*id);
        }
        let id = self.reserve();
        self.whole.insert(message.full_name().to_owned(), id);
        self.waiting.push_back((id, message));
        Action::Descend(id)
    }

    /// Fills in the nodes of the types granted whole: in a loop, as types may nest without end.
    fn finish_whole(&mut self) {
        while let Some((id, message)) = self.waiting.pop_front() {
            let mut steps = Vec::new();
            // Readers of an entry look at nothing else, so that nobody would see the rest leave.
            let is_read =
                |number| !message.is_map_entry() || number == MAP_KEY || number == MAP_VALUE;
            for field in message.fields().filter(|field| is_read(field.number())) {
                steps.push(self.whole_step(&field));
            }
            self.fill(id, &message, steps);
        }
    }

    /// The step of a field in a message that is granted whole.
    fn whole_step(&mut self, field: &FieldDescriptor) -> Step {
        if holds_any(field) {
            return step(field, Action::Drop, Some(UNNAMED));
        }
        let action = self.whole(field);
        step(field, action, None)
    }

    fn reserve(&mut self) -> NodeId {
        // An index past 32 bits leads to no node, and so drops everything.
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        self.nodes.push(Node::default());
        id
    }

    fn fill(&mut self, id: NodeId, message: &MessageDescriptor, mut steps: Vec<Step>) {
        mark_contests(message, &mut steps);
        if let Some(node) = self.nodes.get_mut(id as usize) {
            *node = Node::new(steps);
        }
    }

    fn name(&mut self, name: Name) -> u32 {
        let report = report(self.names.len());
        self.names.push(name);
        report
    }
}

fn step(field: &FieldDescriptor, action: Action, report: Option<u32>) -> Step {
    let repeated = field.is_list() || field.is_map();
    Step::new(field.number(), shape(field), repeated, action, report)
}

/// A member that is dropped unsets its `oneof`; that needs watching if another one is kept.
fn mark_contests(message: &MessageDescriptor, steps: &mut [Step]) {
    for (contest, oneof) in (0..).zip(message.oneofs()) {
        let members: HashSet<u32> = oneof.fields().map(|field| field.number()).collect();
        let is_member = |step: &&mut Step| members.contains(&step.number);
        let denied = |step: &mut Step| step.action == Action::Drop;
        let denials = steps.iter_mut().filter(is_member).map(denied);
        let (denied, kept): (Vec<bool>, Vec<bool>) = denials.partition(|denied| *denied);
        if denied.is_empty() || kept.is_empty() {
            continue;
        }
        for step in steps.iter_mut().filter(is_member) {
            step.contest = Some(contest);
        }
    }
}

fn shape(field: &FieldDescriptor) -> Shape {
    match field.kind() {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Shape::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Shape::Fixed32,
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => Shape::Varint,
        Kind::Bytes => Shape::Bytes,
        Kind::String if demands_utf8(field) => Shape::Utf8,
        Kind::String => Shape::Bytes,
        Kind::Message(_) if field.is_group() => Shape::Group,
        Kind::Message(_) => Shape::Message,
    }
}
