//! From a descriptor and paths to a program.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::program::{Action, Name, Node, NodeId, Program, Shape, Step, report};
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
    let mut compiler = Compiler::default();
    compiler.part(message, &granted, "");
    compiler.finish_whole();
    Ok(Program::new(compiler.nodes, compiler.names))
}

/// Nothing is known of what such a field holds; a map of `Any`s is no better than one.
fn holds_any(field: &FieldDescriptor) -> bool {
    beneath(field).is_some_and(|message| message.full_name() == ANY)
}

/// The granted part of a message, by field number.
#[derive(Default)]
struct Part {
    fields: BTreeMap<u32, Grant>,
}

enum Grant {
    Whole,
    Part(Part),
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
            Grant::Whole => {}
            Grant::Part(part) => part.grant(rest),
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
            let (action, name) = match part.fields.get(&field.number()) {
                None => (Action::Drop, Some(Name::Dropped(path.into()))),
                Some(Grant::Whole) => (self.whole(&field), Some(Name::Granted(path.into()))),
                Some(Grant::Part(part)) => (self.within(&field, part, &format!("{path}.")), None),
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
                if holds_any(&field) {
                    steps.push(step(&field, Action::Drop, Some(UNNAMED)));
                } else {
                    let action = self.whole(&field);
                    steps.push(step(&field, action, None));
                }
            }
            self.fill(id, &message, steps);
        }
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
