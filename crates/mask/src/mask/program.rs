//! The compiled form of a mask: one node for each place in a message that a path leads to, and one
//! for each message type that is granted whole.

use super::reader::{DELIMITED, FIXED32, FIXED64, GROUP_START, VARINT};
use crate::cover::Keep;
use crate::withheld::UNNAMED;

/// Up to this field number a node finds its steps by position, above it by search.
const DENSE_MAX: u32 = 255;

/// A node that knows no field: it drops everything.
static CLOSED: Node = Node {
    dense: Vec::new(),
    sparse: Vec::new(),
    contested: false,
};

/// A compiled mask. Starts at node 0.
#[derive(Debug)]
pub(super) struct Program {
    nodes: Vec<Node>,
    names: Vec<Name>,
}

/// A path that can be reported.
#[derive(Debug)]
pub(super) enum Name {
    /// Dropped where present.
    Dropped(Box<str>),
    /// Granted: worth saying where absent.
    Granted(Box<str>),
    /// A part of the value is covered.
    Covered {
        path: Box<str>,
        /// By a path of its own, and not by one to a message around it: worth saying where absent.
        is_granted: bool,
    },
}

/// Index of a node.
pub(super) type NodeId = u32;

/// What a node does with a field that it does not know: it takes no wire type.
static UNKNOWN: Step = Step {
    number: 0,
    shape: Shape::Bytes,
    wires: 0,
    action: Action::Drop,
    repeated: false,
    contest: None,
    report: None,
};

/// What to do with each known field of a message.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// By field number.
    dense: Vec<Step>,
    sparse: Vec<Step>,
    /// Whether a `oneof` here or further down has both kept and denied members.
    pub(super) contested: bool,
}

/// What to do with a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) shape: Shape,
    /// The wire types that it may have, a bit for each.
    wires: u8,
    pub(super) action: Action,
    /// Every occurrence is a message of its own. Otherwise occurrences merge into one.
    pub(super) repeated: bool,
    /// Which of its message's oneofs with kept and denied members the field belongs to.
    pub(super) contest: Option<u32>,
    /// What to report when the field is seen.
    pub(super) report: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Drop,
    /// A scalar leaves as it stands.
    Copy,
    /// A string leaves, and a part of it is covered.
    Cover(Keep),
    /// A message or group leaves as far as the node says.
    Descend(NodeId),
}

/// How a field is laid out on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Varint,
    Fixed32,
    Fixed64,
    Bytes,
    /// Bytes that must be UTF-8.
    Utf8,
    Message,
    Group,
}

impl Program {
    /// The first of `nodes` is the root. The reports of their steps are those of [`report`], of
    /// positions in `names`.
    pub(super) fn new(mut nodes: Vec<Node>, names: Vec<Name>) -> Program {
        spread_contests(&mut nodes);
        Program { nodes, names }
    }

    /// The node of this index. One that does not exist drops everything.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&CLOSED)
    }

    /// The paths that can be reported, with the number that reports each.
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, &Name)> {
        (UNNAMED + 1..).zip(&self.names)
    }
}

/// The number that reports the name at `position`.
pub(super) fn report(position: usize) -> u32 {
    // More names than 32 bits can count do not fit into memory; `UNNAMED` would be right for them.
    u32::try_from(position).map_or(UNNAMED, |position| position.saturating_add(UNNAMED + 1))
}

/// Marks every node from which a contest can be reached, from the contests backward.
fn spread_contests(nodes: &mut [Node]) {
    let mut leads_here: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut waiting = Vec::new();
    for (from, node) in nodes.iter().enumerate() {
        for step in node.steps() {
            if let Action::Descend(to) = step.action
                && let Some(leads_here) = leads_here.get_mut(to as usize)
            {
                leads_here.push(from);
            }
        }
        if node.steps().any(|step| step.contest.is_some()) {
            waiting.push(from);
        }
    }
    while let Some(id) = waiting.pop() {
        let Some(node) = nodes.get_mut(id) else {
            continue;
        };
        if !std::mem::replace(&mut node.contested, true) {
            waiting.extend(leads_here.get(id).into_iter().flatten());
        }
    }
}

impl Step {
    /// A step that is in no contest.
    pub(super) fn new(
        number: u32,
        shape: Shape,
        repeated: bool,
        action: Action,
        report: Option<u32>,
    ) -> Step {
        let wire = match shape {
            Shape::Varint => VARINT,
            Shape::Fixed32 => FIXED32,
            Shape::Fixed64 => FIXED64,
            Shape::Bytes | Shape::Utf8 | Shape::Message => DELIMITED,
            Shape::Group => GROUP_START,
        };
        let packed = match shape {
            Shape::Varint | Shape::Fixed32 | Shape::Fixed64 if repeated => 1 << DELIMITED,
            _ => 0,
        };
        Step {
            number,
            shape,
            wires: 1 << wire | packed,
            action,
            repeated,
            contest: None,
            report,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.wires != 0
    }

    /// Whether the wire type is what the descriptor says.
    #[inline]
    pub(super) fn takes(&self, wire: u32) -> bool {
        self.wires >> wire & 1 != 0
    }
}

impl Node {
    /// A node that knows the fields of `steps`, no number twice, and no other.
    pub(super) fn new(mut steps: Vec<Step>) -> Node {
        steps.sort_unstable_by_key(|step| step.number);
        let sparse = steps.split_off(steps.partition_point(|step| step.number <= DENSE_MAX));
        let mut dense = Vec::new();
        for step in steps {
            dense.resize(step.number as usize, UNKNOWN);
            dense.push(step);
        }
        Node {
            dense,
            sparse,
            contested: false,
        }
    }

    /// What to do with field `number`.
    #[inline]
    pub(super) fn step(&self, number: u64) -> &Step {
        match usize::try_from(number)
            .ok()
            .and_then(|at| self.dense.get(at))
        {
            Some(step) => step,
            None => self.far(number),
        }
    }

    #[inline(never)]
    fn far(&self, number: u64) -> &Step {
        let found = self
            .sparse
            .binary_search_by_key(&number, |step| u64::from(step.number));
        let step = found.ok().and_then(|found| self.sparse.get(found));
        step.unwrap_or(&UNKNOWN)
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        let known = self.dense.iter().filter(|step| step.is_known());
        known.chain(&self.sparse)
    }
}
