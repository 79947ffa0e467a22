//! A contract that is not published yet, under the agreements in force.

use std::fs;

use anyhow::{Result, ensure};
use protox::Compiler;

use super::run::{Copied, root};

const NAME: &str = "vn/population/v1/population.proto";
const GET_PERSON: &str = "population/GetPerson";
const PERSON: &str = "docs/owner/samples/person.json";

/// The published contract with every `from` made `to`.
fn changed(from: &str, to: &str) -> Result<String> {
    let text = fs::read_to_string(root().join("proto").join(NAME))?;
    ensure!(text.contains(from), "the contract has changed");
    Ok(text.replace(from, to))
}

/// The contract as a descriptor set with its imports.
fn set(text: &str) -> Result<Vec<u8>> {
    let copied = Copied::new()?;
    copied.write(&format!("proto/{NAME}"), text)?;
    let mut compiler = Compiler::new([copied.path("proto")])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_file(NAME)?;
    Ok(compiler.encode_file_descriptor_set())
}

fn cell<'t>(table: &'t str, path: &str) -> Option<&'t str> {
    let row = table
        .lines()
        .find(|line| line.split(' ').next() == Some(path))?;
    row.split(' ').next_back()
}

#[test]
fn what_a_new_contract_would_let_out_is_shown_before_it_is_published() -> Result<()> {
    let copied = Copied::new()?;
    let wider = changed(
        "      paths: \"sex\"\n",
        "      paths: \"sex\"\n      paths: \"religion\"\n",
    )?;
    let source = copied.write("draft/new.proto", &wider)?;
    let encoded = copied.write("draft/new.binpb", set(&wider)?)?;
    let published = copied.preview(&[GET_PERSON, PERSON])?.fine()?;
    ensure!(cell(&published, "religion") == Some("–"), "{published}");
    let mut shown = Vec::new();
    for draft in [&source, &encoded] {
        let text = copied
            .preview(&[GET_PERSON, PERSON, "--contract", draft])?
            .of_a_breaking_draft()?;
        let head = format!("under the draft `{draft}`, not the catalogue's contract\n");
        ensure!(text.contains(&head), "{text}");
        ensure!(cell(&text, "religion") == Some("✓"), "{text}");
        ensure!(cell(&text, "ethnicity") == Some("–"), "{text}");
        shown.push(text.replace(&head, ""));
    }
    ensure!(
        shown[0] == shown[1],
        "the forms differ:\n{}\n{}",
        shown[0],
        shown[1]
    );
    let again = copied.preview(&[GET_PERSON, PERSON])?.fine()?;
    ensure!(again == published, "a preview changed the catalogue");
    Ok(())
}

#[test]
fn a_draft_has_a_revision_of_its_own() -> Result<()> {
    let copied = Copied::new()?;
    let draft = copied.write("new.proto", changed("      paths: \"sex\"\n", "")?)?;
    let revision = |words: &[&str]| {
        let shown = copied.preview(&[&[GET_PERSON, PERSON, "--json"], words].concat())?;
        let shown = if words.is_empty() {
            shown.fine()?
        } else {
            shown.of_a_breaking_draft()?
        };
        let document: serde_json::Value = serde_json::from_str(&shown)?;
        let contract = document["contract"].as_str().map(str::to_owned);
        anyhow::Ok((document["catalog"].clone(), contract))
    };
    let (published, none) = revision(&[])?;
    let (drafted, named) = revision(&["--contract", &draft])?;
    ensure!(published != drafted && none.is_none() && named == Some(draft));
    Ok(())
}

#[test]
fn an_agreement_that_a_draft_would_break_is_named() -> Result<()> {
    let copied = Copied::new()?;
    let draft = changed("name: \"residence\"", "name: \"abode\"")?;
    let draft = copied.write("new.proto", draft)?;
    let fault = copied
        .preview(&[GET_PERSON, PERSON, "--contract", &draft])?
        .fault()?;
    let due = "g01-h26-population.toml:19: the dataset `population` has no view `residence`";
    // What replaces a document is taken away by it too.
    let document = "once/documents.toml:18: the view `residence` is not known here";
    ensure!(
        fault.contains(due) && fault.contains(document) && fault.contains("2 faults; "),
        "{fault}"
    );
    Ok(())
}

// R52 holds for a draft as well.
#[test]
fn a_fault_of_a_draft_is_named_in_the_draft() -> Result<()> {
    let copied = Copied::new()?;
    let broken = changed("string full_name = 2 [", "strin full_name = 2 [")?;
    let secret = changed("      paths: \"sex\"\n", "      paths: \"working_note\"\n")?;
    let secret_set = set(&secret)?;
    for (name, content, what) in [
        (
            "broken.proto",
            broken.into_bytes(),
            "the contract does not compile: ",
        ),
        (
            "secret.proto",
            secret.into_bytes(),
            "which is secret or not marked",
        ),
        ("secret.binpb", secret_set, "which is secret or not marked"),
        ("no.binpb", b"\xff".to_vec(), "is not a descriptor set"),
        ("contract.txt", Vec::new(), "is no contract by its name"),
    ] {
        let draft = copied.write(&format!("draft/{name}"), content)?;
        let fault = copied
            .preview(&[GET_PERSON, PERSON, "--contract", &draft])?
            .fault()?;
        let named = fault
            .lines()
            .any(|line| line.contains(what) && line.contains(name));
        ensure!(named, "{name}: {fault}");
    }
    let missing = copied.path("nowhere.proto");
    let missing = missing.display().to_string();
    let fault = copied
        .preview(&[GET_PERSON, PERSON, "--contract", &missing])?
        .fault()?;
    ensure!(
        fault.starts_with(&format!("{missing}: cannot be read: ")),
        "{fault}"
    );
    Ok(())
}

#[test]
fn a_draft_of_no_dataset_of_the_catalogue_is_not_taken_for_another() -> Result<()> {
    let copied = Copied::new()?;
    let draft = copied.write("new.proto", changed("full_name", "whole_name")?)?;
    let fault = copied
        .preview(&["weather", PERSON, "--contract", &draft])?
        .fault()?;
    ensure!(
        fault.contains("the catalogue has no dataset `weather`"),
        "{fault}"
    );
    Ok(())
}
