//! The methods of a dataset.

use std::collections::BTreeSet;
use std::sync::Arc;

use motlan_api::contract::v1;
use motlan_mask::PathError;
use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor};

use super::Build;
use crate::method::{Kind, Method};
use crate::name::{AgencyCode, DatasetId};
use crate::view::View;

/// A method on offer, before it is known which views it has.
pub(super) struct Offer {
    descriptor: MethodDescriptor,
    kind: Kind,
    subject_path: String,
    subject_steps: Vec<FieldDescriptor>,
}

impl Offer {
    /// What the method answers with.
    pub(super) fn response(&self) -> MessageDescriptor {
        self.descriptor.output()
    }

    pub(super) fn method(
        self,
        dataset: &DatasetId,
        owner: &AgencyCode,
        views: &[Arc<View>],
    ) -> Method {
        let response = self.descriptor.output();
        let fitting = views
            .iter()
            .filter(|view| view.message == response.full_name());
        let service = self.descriptor.parent_service().full_name();
        Method {
            path: format!("/{service}/{}", self.descriptor.name()),
            name: self.descriptor.name().to_owned(),
            dataset: dataset.clone(),
            owner: owner.clone(),
            kind: self.kind,
            streaming: self.descriptor.is_server_streaming(),
            request: self.descriptor.input(),
            views: fitting
                .map(|view| (view.name.clone(), Arc::clone(view)))
                .collect(),
            response,
            subject_path: self.subject_path,
            subject_steps: self.subject_steps,
        }
    }
}

impl Build<'_> {
    /// The methods with a kind. `broken` takes the names of those that have a fault.
    pub(super) fn offered(&mut self, broken: &mut BTreeSet<String>) -> Vec<Offer> {
        let service = self.service.clone();
        let mut offers = Vec::new();
        for method in service.methods() {
            let option = self.options.method(&method);
            let Some(option) = option.filter(|option| option.kind != 0) else {
                continue;
            };
            match self.offer(&method, &option) {
                Some(offer) => offers.push(offer),
                None => {
                    broken.insert(method.name().to_owned());
                }
            }
        }
        if offers.is_empty() && broken.is_empty() {
            let what = format!("the service `{}` offers no method", service.full_name());
            self.fault(
                what,
                "add the option `(motlan.contract.v1.method)` to its methods",
            );
        }
        offers
    }

    fn offer(&mut self, method: &MethodDescriptor, option: &v1::Method) -> Option<Offer> {
        let kind = match v1::Kind::try_from(option.kind) {
            Ok(v1::Kind::Lookup) => Some(Kind::Lookup),
            Ok(v1::Kind::Verify) => Some(Kind::Verify),
            Ok(v1::Kind::List) => Some(Kind::List),
            Ok(v1::Kind::Unspecified) | Err(_) => {
                let what = format!("its `kind` is the unknown {}", option.kind);
                let remedy = "use a value that this edition of the options knows";
                self.method_fault(method, &what, remedy);
                None
            }
        };
        let mut fits = true;
        if method.is_client_streaming() {
            let what = "it takes a stream of requests, which is not offered";
            self.method_fault(method, what, "take one request, or remove the option");
            fits = false;
        }
        if kind.is_some_and(|kind| (kind == Kind::List) != method.is_server_streaming()) {
            let (what, remedy) = if method.is_server_streaming() {
                (
                    "it answers with a stream, but is no list",
                    "make it `KIND_LIST`, or answer once",
                )
            } else {
                (
                    "it is a list, but answers once",
                    "answer with a stream, or make it `KIND_LOOKUP`",
                )
            };
            self.method_fault(method, what, remedy);
            fits = false;
        }
        let subject_steps = self.subject(method, &option.subject)?;
        let subject_path = option.subject.clone();
        let kind = kind.filter(|_| fits)?;
        Some(Offer {
            descriptor: method.clone(),
            kind,
            subject_path,
            subject_steps,
        })
    }

    /// The way to the subject's identifier: single messages, and a text at the end.
    fn subject(&mut self, method: &MethodDescriptor, path: &str) -> Option<Vec<FieldDescriptor>> {
        let request = method.input();
        if path.is_empty() {
            let remedy = format!(
                "name the field of `{}` that says whom it is about",
                request.name()
            );
            self.method_fault(method, "its `subject` is missing", &remedy);
            return None;
        }
        let steps = match motlan_mask::resolve(&request, path) {
            Ok(steps) => steps,
            Err(error) => {
                let remedy = match &error {
                    PathError::Unknown {
                        suggestion: Some(near),
                        ..
                    } => {
                        format!("did you mean `{near}`?")
                    }
                    _ => format!("name a text field of `{}`", request.name()),
                };
                let what = format!(
                    "its `subject` is `{path}`, which `{}` lacks",
                    request.name()
                );
                self.method_fault(method, &what, &remedy);
                return None;
            }
        };
        let single = steps.iter().all(|step| !step.is_list() && !step.is_map());
        if !single || steps.last().map(FieldDescriptor::kind) != Some(FieldKind::String) {
            let what = format!("its `subject` is `{path}`, which is not a single text");
            self.method_fault(
                method,
                &what,
                "name a field of type `string` that is not repeated",
            );
            return None;
        }
        Some(steps)
    }

    fn method_fault(&mut self, method: &MethodDescriptor, what: &str, remedy: &str) {
        let place = self.contracts.place(&method.parent_file(), method.path());
        let what = format!("the method `{}`: {what}", method.full_name());
        self.faults.push(&place.file, place.line, what, remedy);
    }
}
