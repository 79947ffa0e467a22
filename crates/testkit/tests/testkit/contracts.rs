use motlan_testkit::contracts;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ServiceDescriptor, Value};

const OPTION_CLASS: &str = "class";
const CLASS_SECRET: i32 = 4;
/// Kinds of data that never pass the gateway.
const BIOMETRICS: [&str; 7] = [
    "portrait",
    "photo",
    "fingerprint",
    "iris",
    "voice",
    "dna",
    "biometric",
];

fn option(
    options: &DynamicMessage,
    name: &str,
    pool: &prost_reflect::DescriptorPool,
) -> DynamicMessage {
    let extension = pool.get_extension_by_name(name).unwrap();
    options
        .get_extension(&extension)
        .as_message()
        .unwrap()
        .clone()
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn texts(message: &DynamicMessage, field: &str) -> Vec<String> {
    let list = message.get_field_by_name(field).unwrap();
    list.as_list()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect()
}

/// 0 where the field is unmarked.
fn class(field: &FieldDescriptor) -> i32 {
    let pool = field.parent_pool();
    let option = option(&field.options(), "motlan.contract.v1.field", pool);
    option
        .get_field_by_name(OPTION_CLASS)
        .unwrap()
        .as_enum_number()
        .unwrap()
}

fn services() -> Vec<(ServiceDescriptor, DynamicMessage)> {
    let pool = contracts::pool().unwrap();
    pool.services()
        .map(|service| {
            let dataset = option(&service.options(), "motlan.contract.v1.dataset", &pool);
            (service, dataset)
        })
        .collect()
}

/// Every field that a path reaches: those on the way, and all beneath its end.
fn reach(message: &MessageDescriptor, path: &str) -> Vec<FieldDescriptor> {
    let mut reached = Vec::new();
    let mut within = Some(message.clone());
    for name in path.split('.') {
        let field = within
            .unwrap()
            .get_field_by_name(name)
            .unwrap_or_else(|| panic!("`{path}`"));
        within = field.kind().as_message().cloned();
        reached.push(field);
    }
    let mut open: Vec<MessageDescriptor> = within.into_iter().collect();
    while let Some(message) = open.pop() {
        for field in message.fields() {
            open.extend(field.kind().as_message().cloned());
            reached.push(field);
        }
    }
    reached
}

#[test]
fn every_service_is_a_published_dataset_of_its_owner() {
    let mut found: Vec<_> = services()
        .iter()
        .map(|(service, dataset)| {
            assert!(!texts(dataset, "substitutes").is_empty());
            assert_eq!(text(dataset, "published_at").len(), "2026-01-01".len());
            (
                text(dataset, "id"),
                text(dataset, "owner"),
                service.full_name().to_owned(),
            )
        })
        .collect();
    found.sort();
    let expected = [
        (
            "business_registration",
            "G12",
            "vn.business.v1.BusinessRegistry",
        ),
        (
            "civil_status",
            "G15",
            "vn.civil_status.v1.CivilStatusRegistry",
        ),
        ("land", "G10", "vn.land.v1.LandRegistry"),
        ("population", "G01", "vn.population.v1.PopulationRegistry"),
    ];
    let expected = expected.map(|(id, owner, service)| (id.into(), owner.into(), service.into()));
    assert_eq!(found, expected);
}

#[test]
fn no_view_reaches_a_field_that_is_unmarked_or_secret() {
    for (service, dataset) in services() {
        let views = dataset.get_field_by_name("views").unwrap().into_owned();
        for view in views
            .as_list()
            .unwrap()
            .iter()
            .map(|view| view.as_message().unwrap())
        {
            let name = format!("{}.{}", service.package_name(), text(view, "message"));
            let message = service.parent_pool().get_message_by_name(&name).unwrap();
            for path in texts(view, "paths") {
                for field in reach(&message, &path) {
                    let class = class(&field);
                    assert!(
                        class > 0 && class < CLASS_SECRET,
                        "{} by `{path}`",
                        field.full_name()
                    );
                }
            }
            assert!(
                service.methods().any(|method| method.output() == message),
                "{name}"
            );
        }
    }
}

#[test]
fn every_dataset_keeps_some_field_unmarked_and_none_has_biometrics() {
    for (service, _) in services() {
        let pool = service.parent_pool();
        let messages = pool
            .all_messages()
            .filter(|one| one.package_name() == service.package_name());
        let answers = messages.filter(|one| !one.name().ends_with("Request"));
        let fields: Vec<FieldDescriptor> = answers
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .collect();
        assert!(
            fields.iter().any(|field| class(field) == 0),
            "{}",
            service.full_name()
        );
        for field in fields {
            assert!(
                !BIOMETRICS.iter().any(|word| field.name().contains(word)),
                "{}",
                field.name()
            );
        }
    }
}

#[test]
fn every_method_is_asked_about_one_text_field() {
    for (service, _) in services() {
        for method in service.methods() {
            let option = option(
                &method.options(),
                "motlan.contract.v1.method",
                service.parent_pool(),
            );
            let subject = method
                .input()
                .get_field_by_name(&text(&option, "subject"))
                .unwrap();
            assert_eq!(subject.kind(), prost_reflect::Kind::String);
            let kind = option.get_field_by_name("kind").unwrap().into_owned();
            let list = Value::EnumNumber(3);
            assert_eq!(
                kind == list,
                method.is_server_streaming(),
                "{}",
                method.full_name()
            );
        }
    }
}
