//! What a set of paths grants, place by place.

use std::collections::HashMap;

use super::types::{Field, TypeId, Types};

/// The places of the messages that paths lead through; beneath a place that is granted whole there
/// are none.
#[derive(Debug)]
pub(crate) struct Grants {
    /// By the field numbers that lead there, the entries of maps included.
    places: HashMap<Vec<u32>, Place>,
    /// In alphabetical order.
    names: Vec<Name>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) fate: Fate,
    /// What it is called in a report, if it is ever reported: a position among the names.
    pub(crate) name: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Denied,
    /// A message of which a part is granted.
    Through,
    Whole,
}

/// What a report calls a place: a granted one where it is absent, a denied one where it is not.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) path: String,
    pub(crate) is_granted: bool,
}

impl Grants {
    /// `None` if a path leads nowhere.
    pub(crate) fn of(types: &Types, root: TypeId, paths: &[String]) -> Option<Grants> {
        let mut map = Map {
            types,
            places: HashMap::new(),
        };
        map.deny_all(root, &[], "");
        for path in paths.iter().filter(|path| !is_covered(path, paths)) {
            map.grant(root, path)?;
        }
        let named = map.places.values().filter_map(Draft::name);
        let mut names: Vec<Name> = named.collect();
        names.sort();
        let place = |(numbers, draft): (&Vec<u32>, &Draft)| {
            let name = draft
                .name()
                .and_then(|name| names.binary_search(&name).ok());
            let fate = draft.fate;
            (numbers.clone(), Place { fate, name })
        };
        Some(Grants {
            places: map.places.iter().map(place).collect(),
            names,
        })
    }

    pub(crate) fn at(&self, numbers: &[u32]) -> Option<Place> {
        self.places.get(numbers).copied()
    }

    pub(crate) fn names(&self) -> &[Name] {
        &self.names
    }
}

/// Places as they are found out.
struct Map<'t> {
    types: &'t Types,
    places: HashMap<Vec<u32>, Draft>,
}

struct Draft {
    fate: Fate,
    path: Option<String>,
}

impl Draft {
    fn name(&self) -> Option<Name> {
        let path = self.path.clone()?;
        let is_granted = self.fate == Fate::Whole;
        (self.fate != Fate::Through).then_some(Name { path, is_granted })
    }
}

impl Map<'_> {
    fn grant(&mut self, root: TypeId, path: &str) -> Option<()> {
        let mut numbers = Vec::new();
        let mut within = root;
        let mut prefix = String::new();
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            let fields = self.types.fields(within);
            let field = fields.iter().find(|field| field.name == step)?;
            numbers.push(field.number);
            prefix = format!("{prefix}{step}.");
            let place = self.places.get_mut(&numbers)?;
            if steps.peek().is_none() {
                place.fate = Fate::Whole;
                return Some(());
            }
            let is_new = place.fate == Fate::Denied;
            place.fate = Fate::Through;
            within = self.types.beneath(field)?;
            self.enter(field, &mut numbers);
            if is_new {
                self.deny_all(within, &numbers, &prefix);
            }
        }
        None
    }

    /// Goes on to where the steps after `field` start.
    fn enter(&mut self, field: &Field, numbers: &mut Vec<u32>) {
        let of = field.kind.message();
        if !of.is_some_and(|of| self.types.is_entry(of)) {
            return;
        }
        // The key leaves with its value, and neither has a name of its own.
        for (number, fate) in [(1, Fate::Whole), (2, Fate::Through)] {
            let at = [numbers.as_slice(), &[number]].concat();
            self.places.insert(at, Draft { fate, path: None });
        }
        numbers.push(2);
    }

    fn deny_all(&mut self, of: TypeId, numbers: &[u32], prefix: &str) {
        for field in self.types.fields(of) {
            let denied = Draft {
                fate: Fate::Denied,
                path: Some(format!("{prefix}{}", field.name)),
            };
            let at = [numbers, &[field.number]].concat();
            self.places.insert(at, denied);
        }
    }
}

/// Whether a wider path among `paths` grants `path` as well.
fn is_covered(path: &str, paths: &[String]) -> bool {
    let is_wider = |wide: &String| {
        let rest = path.strip_prefix(wide.as_str());
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    paths.iter().any(is_wider)
}
