//! The views of a dataset: whether every path leads somewhere, and whether all it reaches may
//! leave.

use std::collections::BTreeSet;
use std::sync::Arc;

use motlan_api::contract::v1;
use motlan_mask::{Mask, PathError};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::Build;
use super::methods::Offer;
use crate::dataset::Class;
use crate::document::nearest;
use crate::name::ViewName;
use crate::view::{LEAVES_MAX, NESTING_MAX, PATHS_MAX, View};

/// Well-known messages that hold anything: nothing in them can be marked.
const OPAQUE: [&str; 4] = [
    "google.protobuf.Any",
    "google.protobuf.Struct",
    "google.protobuf.Value",
    "google.protobuf.ListValue",
];

impl Build<'_> {
    /// The views without a fault. `broken` takes the names of the others.
    pub(super) fn views(
        &mut self,
        options: &[v1::View],
        offers: &[Offer],
        class: Option<Class>,
        broken: &mut BTreeSet<String>,
    ) -> Vec<Arc<View>> {
        let mut views: Vec<Arc<View>> = Vec::new();
        for option in options {
            let before = self.faults.len();
            let view = self.view(option, offers, class);
            let again = views.iter().any(|view| view.name.as_str() == option.name)
                || broken.contains(&option.name);
            if again {
                let what = format!("the view `{}` stands here twice", option.name);
                self.fault(what, "give each view of the dataset a name of its own");
            }
            match view.filter(|_| self.faults.len() == before) {
                Some(view) => views.push(Arc::new(view)),
                None => {
                    broken.insert(option.name.clone());
                }
            }
        }
        views
    }

    fn view(&mut self, option: &v1::View, offers: &[Offer], class: Option<Class>) -> Option<View> {
        let name = option.name.parse::<ViewName>();
        if let Err(error) = &name {
            self.fault(format!("a view's `name`: {error}"), "correct it");
        }
        if option.title_vi.trim().is_empty() {
            self.view_fault(option, "its `title_vi` is empty", "fill it in");
        }
        let message = self.message(option, offers)?;
        if option.paths.is_empty() || option.paths.len() > PATHS_MAX {
            let what = format!("it has {} paths", option.paths.len());
            self.view_fault(option, &what, &format!("give it from 1 to {PATHS_MAX}"));
        }
        let mut paths = option.paths.clone();
        paths.sort_unstable();
        paths.dedup();
        if paths.len() < option.paths.len() {
            self.view_fault(option, "it has the same path twice", "remove one of both");
        }
        for wide in &paths {
            let within = |path: &&String| *path != wide && motlan_mask::covers(wide, path);
            if let Some(path) = paths.iter().find(within) {
                let what = format!("its path `{wide}` covers its path `{path}`");
                self.view_fault(
                    option,
                    &what,
                    "remove the narrower, or name the parts alone",
                );
            }
        }
        let mut secret = false;
        for path in &paths {
            secret |= self.path(option, &message, path, class);
        }
        let leaves = leaves(&message, &paths);
        if leaves.is_none() {
            let what = format!("it shows more than {LEAVES_MAX} fields");
            self.view_fault(option, &what, "grant narrower paths");
        }
        let mask = Mask::compile(&message, paths.iter().map(String::as_str)).ok()?;
        Some(View {
            name: name.ok()?,
            title_vi: option.title_vi.clone(),
            message: message.full_name().to_owned(),
            paths,
            leaves: leaves?,
            secret,
            mask: Arc::new(mask),
        })
    }

    /// The message a view starts from, which some method on offer must answer with.
    fn message(&mut self, option: &v1::View, offers: &[Offer]) -> Option<MessageDescriptor> {
        let package = self.service.package_name().to_owned();
        let full_name = format!("{package}.{}", option.message);
        let Some(message) = self.contracts.pool.get_message_by_name(&full_name) else {
            let answers: Vec<MessageDescriptor> = offers.iter().map(Offer::response).collect();
            let names = answers.iter().map(MessageDescriptor::name);
            let remedy = match nearest(&option.message, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("name a message of the package `{package}`"),
            };
            let what = format!("its message `{}` does not exist", option.message);
            self.view_fault(option, &what, &remedy);
            return None;
        };
        // A method with a fault answers all the same, once it is corrected.
        let answered = self.service.methods().any(|method| {
            method.output().full_name() == full_name && self.options.method(&method).is_some()
        });
        if !answered {
            let what = format!("no method on offer answers with `{}`", option.message);
            self.view_fault(option, &what, "start it from the answer of a method");
        }
        Some(message)
    }

    /// Checks that a path exists, and that each step on it and everything beneath it may leave.
    /// Whether it names a field that is secret.
    fn path(
        &mut self,
        option: &v1::View,
        message: &MessageDescriptor,
        path: &str,
        class: Option<Class>,
    ) -> bool {
        let steps = match motlan_mask::resolve(message, path) {
            Ok(steps) => steps,
            Err(error) => {
                let (what, remedy) = match &error {
                    PathError::Unknown {
                        step,
                        message,
                        suggestion: Some(near),
                        ..
                    } => (
                        format!("`{path}`: `{message}` has no field `{step}`"),
                        format!("did you mean `{near}`?"),
                    ),
                    _ => (error.to_string(), "correct the path".to_owned()),
                };
                self.view_fault(option, &what, &remedy);
                return false;
            }
        };
        let Some((last, before)) = steps.split_last() else {
            return false;
        };
        for step in before {
            self.released(option, step, path, class);
            // R52: what holds anything holds also what is secret, in whichever part of it.
            if self.opaque(option, step, path) {
                return false;
            }
        }
        // R29: what is marked as secret leaves only where a view names the very field.
        let secret = self.options.mark(last) == Some(Class::Secret);
        if !(secret && class == Some(Class::Secret)) {
            self.released(option, last, path, class);
        }
        let mut reached = BTreeSet::new();
        self.beneath(option, last, path, class, &mut reached, steps.len());
        secret
    }

    /// Reports a field that holds anything, since nothing in it can be marked.
    fn opaque(&mut self, option: &v1::View, field: &FieldDescriptor, path: &str) -> bool {
        let message = inner(field).filter(|message| OPAQUE.contains(&message.full_name()));
        let Some(message) = message else { return false };
        let place = self.contracts.place(&field.parent_file(), field.path());
        let what = format!(
            "{} reaches `{}`, a `{}`, which holds anything",
            self.title(option),
            field.full_name(),
            message.full_name(),
        );
        let remedy = format!("give the field a message of its own, or take `{path}` out");
        self.faults.push(&place.file, place.line, what, remedy);
        true
    }

    /// Checks everything beneath a field that a path ends at.
    fn beneath(
        &mut self,
        option: &v1::View,
        field: &FieldDescriptor,
        path: &str,
        class: Option<Class>,
        reached: &mut BTreeSet<String>,
        depth: usize,
    ) {
        let Some(message) = inner(field) else { return };
        let name = message.full_name();
        if self.opaque(option, field, path) {
            return;
        }
        if is_well_known(&message) || !reached.insert(name.to_owned()) {
            return;
        }
        if depth > NESTING_MAX {
            let what = format!("`{path}` reaches deeper than {NESTING_MAX} messages, at `{name}`");
            self.view_fault(
                option,
                &what,
                "grant narrower paths, or flatten the message",
            );
            return;
        }
        for field in message.fields() {
            self.released(option, &field, path, class);
            self.beneath(
                option,
                &field,
                path,
                class,
                reached,
                depth.saturating_add(1),
            );
        }
    }

    /// Checks that one field that a view reaches may leave by that: it is marked, it is not secret,
    /// and it is not above what the dataset says of itself.
    fn released(
        &mut self,
        option: &v1::View,
        field: &FieldDescriptor,
        path: &str,
        class: Option<Class>,
    ) {
        if is_well_known(field.parent_message()) {
            return;
        }
        let found = self.options.class(field);
        let place = || self.contracts.place(&field.parent_file(), field.path());
        let view = self.title(option);
        let name = field.full_name();
        // R52: unmarked is secret too.
        if found == Class::Secret {
            let place = place();
            let what = format!("{view} reaches `{name}`, which is secret or not marked");
            let remedy = match self.options.mark(field) {
                Some(_) => format!(
                    "name the field itself in the view, of a dataset of `CLASS_SECRET`, or take \
                     `{path}` out"
                ),
                None => format!("mark the field with its class, or take `{path}` out of the view"),
            };
            self.faults.push(&place.file, place.line, what, remedy);
        } else if class.is_some_and(|class| found > class) {
            let place = place();
            let what = format!("{view} reaches `{name}`, whose class is above the dataset's own");
            let remedy = format!("raise the dataset's class, or take `{path}` out of the view");
            self.faults.push(&place.file, place.line, what, remedy);
        }
    }

    fn title(&self, option: &v1::View) -> String {
        format!("the view `{}` of `{}`", option.name, self.declared.id.value)
    }

    fn view_fault(&mut self, option: &v1::View, what: &str, remedy: &str) {
        self.fault(format!("{}: {what}", self.title(option)), remedy);
    }
}

/// The paths with every message opened, sorted. `None` where they are too many. Paths that lead
/// nowhere are left out: they are told elsewhere.
fn leaves(message: &MessageDescriptor, paths: &[String]) -> Option<Vec<String>> {
    let mut leaves = Vec::new();
    for path in paths {
        let Ok(steps) = motlan_mask::resolve(message, path) else {
            continue;
        };
        if let Some(last) = steps.last() {
            open(last, path.clone(), &mut Vec::new(), &mut leaves)?;
        }
    }
    leaves.sort_unstable();
    Some(leaves)
}

/// Adds the leaves beneath a field; `above` names the messages that were opened on the way to it.
fn open(
    field: &FieldDescriptor,
    path: String,
    above: &mut Vec<String>,
    leaves: &mut Vec<String>,
) -> Option<()> {
    let opened = inner(field).filter(|message| {
        let again = above.iter().any(|name| name == message.full_name());
        !again
            && !is_well_known(message)
            && above.len() <= NESTING_MAX
            && message.fields().len() > 0
    });
    let Some(message) = opened else {
        leaves.push(path);
        return (leaves.len() <= LEAVES_MAX).then_some(());
    };
    above.push(message.full_name().to_owned());
    for field in message.fields() {
        open(&field, format!("{path}.{}", field.name()), above, leaves)?;
    }
    above.pop();
    Some(())
}

/// The message that lies in a field: its type, or the type of a map's values.
pub(in crate::load) fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let Kind::Message(message) = field.kind() else {
        return None;
    };
    if !message.is_map_entry() {
        return Some(message);
    }
    message.map_entry_value_field().kind().as_message().cloned()
}

/// Whether a message is one of protobuf's own, whose fields carry no marks. By its file, which
/// comes from this build and from no owner: a package of that name can be anybody's.
fn is_well_known(message: &MessageDescriptor) -> bool {
    message.parent_file().name().starts_with("google/protobuf/")
}
