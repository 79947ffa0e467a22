//! Tells what happened, so that a newcomer understands it, and whether it is what was to happen.

use anyhow::Context as _;
use motlan_catalog::{Catalog, Method};
use motlan_testkit::World;
use prost_reflect::{DynamicMessage, FieldDescriptor};
use tonic::Code;

use super::play::Played;
use super::scenes::End;

/// Prints the table. Says whether every scene ended as it must.
pub(super) fn print(world: &World, catalog: &Catalog, played: &[Played]) -> anyhow::Result<bool> {
    let systems = world.systems().count();
    println!(
        "{} datasets of {} owners, {systems} registered systems, {} agreements, {} procedures.\n",
        catalog.datasets().len(),
        world.providers().count(),
        catalog.agreements().len(),
        catalog.procedures().len(),
    );
    let mut as_told = true;
    for (number, one) in (1_u32..).zip(played) {
        as_told &= print_one(catalog, number, one)?;
    }
    overview(catalog, played)?;
    if !as_told {
        println!("Not everything went as it must.");
    }
    Ok(as_told)
}

fn print_one(catalog: &Catalog, number: u32, played: &Played) -> anyhow::Result<bool> {
    let Played { scene, reply } = played;
    let method = catalog
        .method(scene.path)
        .context("the scene's method is not there")?;
    let dataset = catalog
        .dataset(&method.dataset)
        .context("the method's dataset is not there")?;
    let procedure = scene
        .procedure
        .parse()
        .ok()
        .and_then(|code| catalog.procedure(&code))
        .and_then(|procedure| procedure.names().next())
        .unwrap_or_default();
    println!("{number:>2}. {}", scene.story);
    row("who asked", scene.system);
    row(
        "whom",
        &format!("{} ({}): {}", dataset.owner, dataset.title_en, method.name),
    );
    row("for what", &format!("{} {procedure}", scene.procedure));
    if let Some(fields) = scene.fields {
        row("only", fields);
    }
    if reply.code() == Code::Ok {
        let messages = reply.messages()?;
        for message in &messages {
            row("came out", &summary(method, message)?);
        }
        row(
            "withheld",
            reply.metadata("motlan-withheld").unwrap_or_default(),
        );
    } else {
        let reason = reply.reason().unwrap_or_default();
        row(
            "came out",
            &format!("nothing: {} {reason}", code_name(reply.code())),
        );
        row("because", reply.status.message());
        row(
            "",
            &reply
                .localized()
                .map(|localized| localized.message)
                .unwrap_or_default(),
        );
    }
    row("record", reply.metadata("motlan-record").unwrap_or("none"));
    println!();
    Ok(as_told(played))
}

/// All of it at a glance.
fn overview(catalog: &Catalog, played: &[Played]) -> anyhow::Result<()> {
    line([
        "",
        "who asked",
        "whom",
        "for what",
        "came out",
        "withheld",
        "record",
    ]);
    for (number, Played { scene, reply }) in (1_u32..).zip(played) {
        let method = catalog
            .method(scene.path)
            .context("the scene's method is not there")?;
        let withheld = reply.metadata("motlan-withheld").unwrap_or_default();
        let (came_out, withheld) = if reply.code() == Code::Ok {
            let messages = reply.messages()?;
            let first = messages.first().map(|message| set_fields(method, message));
            let fields = first.transpose()?.map_or(0, |fields| fields.len());
            let kept = withheld.split(',').filter(|name| !name.is_empty()).count();
            (
                format!("{} × {fields} fields", messages.len()),
                format!("{kept} fields"),
            )
        } else {
            (reply.reason().unwrap_or_default(), "-".to_owned())
        };
        line([
            &number.to_string(),
            scene.system,
            &format!("{} {}", method.owner, method.name),
            scene.procedure,
            &came_out,
            &withheld,
            reply.metadata("motlan-record").unwrap_or("none"),
        ]);
    }
    println!();
    Ok(())
}

fn line([number, who, whom, what, came_out, withheld, record]: [&str; 7]) {
    println!("{number:>2}  {who:<13} {whom:<24} {what:<9} {came_out:<20} {withheld:<11} {record}");
}

fn as_told(played: &Played) -> bool {
    let reason = played.reply.reason().unwrap_or_default();
    let recorded = played.reply.metadata("motlan-record").is_some();
    match played.scene.end {
        End::Released => played.reply.code() == Code::Ok && recorded,
        End::Refused(expected) => reason == expected && recorded,
        End::ClosedDoor(expected) => reason.starts_with(expected) && !recorded,
    }
}

/// The fields of a message that are set, with short values: this is sample data.
fn summary(method: &Method, message: &[u8]) -> anyhow::Result<String> {
    Ok(set_fields(method, message)?.join(" "))
}

fn set_fields(method: &Method, message: &[u8]) -> anyhow::Result<Vec<String>> {
    shown(method, message, |message, field| {
        match message.get_field(field).as_str() {
            Some(text) => format!("{}={text:?}", field.name()),
            None => field.name().to_owned(),
        }
    })
}

/// The names of the fields that are set.
pub(super) fn set_names(method: &Method, message: &[u8]) -> anyhow::Result<Vec<String>> {
    shown(method, message, |_, field| field.name().to_owned())
}

fn shown(
    method: &Method,
    message: &[u8],
    show: impl Fn(&DynamicMessage, &FieldDescriptor) -> String,
) -> anyhow::Result<Vec<String>> {
    let message = DynamicMessage::decode(method.response.clone(), message)?;
    let fields = method.response.fields();
    let set = fields.filter(|field| message.has_field(field));
    Ok(set.map(|field| show(&message, &field)).collect())
}

fn row(name: &str, value: &str) {
    const WIDTH: usize = 84;
    let mut lines = wrapped(value, WIDTH).into_iter();
    println!("    {name:<10} {}", lines.next().unwrap_or_default());
    for line in lines {
        println!("    {:<10} {line}", "");
    }
}

/// Breaks at spaces and commas, never inside a name.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', ',']) {
        let length = lines.last().map_or(0, |line| line.chars().count());
        if length > 0 && length + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines
}

/// The name of a status as gRPC's documents write it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::NotFound => "NOT_FOUND",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::Unavailable => "UNAVAILABLE",
        _ => code.description(),
    }
}
