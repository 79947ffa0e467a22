//! The options of a contract, read as extensions and turned into the generated types.

use std::collections::HashMap;

use motlan_api::contract::v1;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor};
use prost_reflect::{MethodDescriptor, ServiceDescriptor};

use crate::dataset::Class;

/// Reads the options of one pool.
pub(crate) struct Options {
    dataset: Option<ExtensionDescriptor>,
    method: Option<ExtensionDescriptor>,
    field: Option<ExtensionDescriptor>,
    classes: HashMap<String, Class>,
}

impl Options {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let extension = |name| pool.get_extension_by_name(name);
        Self {
            dataset: extension("motlan.contract.v1.dataset"),
            method: extension("motlan.contract.v1.method"),
            field: extension("motlan.contract.v1.field"),
            classes: HashMap::new(),
        }
    }

    /// What makes a service a dataset.
    pub(super) fn dataset(&self, service: &ServiceDescriptor) -> Option<v1::Dataset> {
        read(&service.options(), self.dataset.as_ref())
    }

    /// What offers a method.
    pub(super) fn method(&self, method: &MethodDescriptor) -> Option<v1::Method> {
        read(&method.options(), self.method.as_ref())
    }

    /// The class of a field. What is unmarked, or marked with a class that is not known, is secret.
    pub(super) fn class(&mut self, field: &FieldDescriptor) -> Class {
        if let Some(class) = self.classes.get(field.full_name()) {
            return *class;
        }
        let class = self.mark(field).unwrap_or(Class::Secret);
        self.classes.insert(field.full_name().to_owned(), class);
        class
    }

    /// The class that a field is marked with, if any that is known.
    pub(crate) fn mark(&self, field: &FieldDescriptor) -> Option<Class> {
        class(self.field(field)?.class)
    }

    /// What a field is marked with.
    pub(crate) fn field(&self, field: &FieldDescriptor) -> Option<v1::Field> {
        read(&field.options(), self.field.as_ref())
    }
}

fn read<T>(options: &DynamicMessage, extension: Option<&ExtensionDescriptor>) -> Option<T>
where
    T: prost::Message + Default,
{
    let extension = extension.filter(|extension| options.has_extension(extension))?;
    options
        .get_extension(extension)
        .as_message()?
        .transcode_to()
        .ok()
}

/// The class with this number, if it says anything.
pub(super) fn class(number: i32) -> Option<Class> {
    match v1::Class::try_from(number) {
        Ok(v1::Class::Public) => Some(Class::Public),
        Ok(v1::Class::Personal) => Some(Class::Personal),
        Ok(v1::Class::Sensitive) => Some(Class::Sensitive),
        Ok(v1::Class::Secret) => Some(Class::Secret),
        Ok(v1::Class::Unspecified) | Err(_) => None,
    }
}
