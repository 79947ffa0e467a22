//! The reference catalogue with the guide's samples: the whole output, as it was reviewed.

use anyhow::{Result, ensure};
use motlan_testkit::World;

use super::run::{Copied, input, is_as_reviewed, preview, preview_of};

const CATALOG: [&str; 2] = ["--catalog", "deploy/catalog"];
const PERSON: &str = "docs/owner/samples/person.json";
const PARCEL: &str = "docs/owner/samples/parcel.txtpb";

fn of_reference(words: &[&str]) -> Result<String> {
    preview(&[&CATALOG, words].concat())?.fine()
}

#[test]
fn every_view_of_a_person_is_shown_side_by_side() -> Result<()> {
    let shown = of_reference(&["population/GetPerson", PERSON, "--views"])?;
    is_as_reviewed("person.txt", &shown)
}

#[test]
fn a_stream_is_previewed_by_one_of_its_messages() -> Result<()> {
    let shown = of_reference(&["land/ListParcelsOfHolder", PARCEL])?;
    is_as_reviewed("parcel.txt", &shown)
}

#[test]
fn an_agreement_that_is_not_in_force_that_day_is_said_to_be() -> Result<()> {
    let copied = Copied::new()?;
    let agreement = "deploy/catalog/agreements/g10-h26-land.toml";
    let text = std::fs::read_to_string(copied.path(agreement))?;
    let early = text.replace("2027-02-28", "2026-05-31");
    ensure!(early != text, "the agreement has changed");
    copied.write(agreement, early)?;
    let shown = copied.preview(&["land/GetParcel", PARCEL])?.fine()?;
    ensure!(
        shown.contains("(1)") && shown.contains("NOT in force on 2026-06-01"),
        "{shown}"
    );
    // Its last day is one of them.
    copied.write(agreement, text.replace("2027-02-28", "2026-06-01"))?;
    let shown = copied.preview(&["land/GetParcel", PARCEL])?.fine()?;
    ensure!(shown.contains(", in force on 2026-06-01"), "{shown}");
    Ok(())
}

#[test]
fn the_method_is_found_where_the_sample_fits_one() -> Result<()> {
    let copied = Copied::new()?;
    let death = r#"{"deceased": {"fullName": "Ví Dụ", "ethnicity": "Kinh"}, "died_on": {}}"#;
    let death = copied.write("death.json", death)?;
    let shown = of_reference(&["civil_status", &death])?;
    is_as_reviewed("death.txt", &shown)
}

#[test]
fn a_caller_that_asks_for_less_gets_less_and_for_more_gets_the_refusal() -> Result<()> {
    let asks = |fields| ["population/GetPerson", PERSON, "--fields", fields];
    let less = of_reference(&asks("sex,date_of_birth.year"))?;
    ensure!(
        less.contains("for a caller who asks for date_of_birth.year, sex\n"),
        "{less}"
    );
    let leaves = less.lines().filter(|line| line.ends_with('✓'));
    let leaves: Vec<_> = leaves.filter_map(|line| line.split(' ').next()).collect();
    ensure!(
        leaves == ["date_of_birth", "date_of_birth.year", "sex"],
        "{less}"
    );
    let more = of_reference(&asks("sex,religion"))?;
    let refusal = "   a caller is refused, FIELD_NOT_GRANTED\n     \
                   `g01-h26-population-2026/residence` does not give the field `religion`\n";
    ensure!(more.contains(refusal) && !more.contains(" ✓\n"), "{more}");
    // A refusal withholds nothing, and is no word on what the view gives.
    let withholds = more.contains(" –\n") || more.contains("leaves under none");
    ensure!(more.contains(" ✗\n") && !withholds, "{more}");
    Ok(())
}

#[test]
fn what_leaves_under_one_grant_is_protobuf_json() -> Result<()> {
    let grant = "g01-h26-population-2026/residence";
    let shown = of_reference(&["population/GetPerson", PERSON, "--show", grant])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    let sample = std::fs::read_to_string(super::run::root().join(PERSON))?;
    let sample: serde_json::Value = serde_json::from_str(&sample)?;
    let granted = [
        "personal_id",
        "full_name",
        "date_of_birth",
        "sex",
        "permanent_residence",
    ];
    let due: serde_json::Map<_, _> = granted
        .iter()
        .map(|name| ((*name).to_owned(), sample[*name].clone()))
        .collect();
    ensure!(shown == serde_json::Value::Object(due), "{shown}");
    Ok(())
}

/// R53, R95: what an agreement has covered is shown covered.
#[test]
fn a_field_that_an_agreement_covers_in_part_is_shown_as_such() -> Result<()> {
    let copied = Copied::new()?;
    let agreement = "deploy/catalog/agreements/g01-h26-population.toml";
    let text = std::fs::read_to_string(copied.path(agreement))?;
    let grant = "view = \"residence\"\n";
    let mask = "obligations = { mask = [{ field = \"personal_id\", keep_last = 3 }] }\n";
    let covering = text.replacen(grant, &format!("{grant}{mask}"), 1);
    ensure!(covering != text, "the agreement has changed");
    copied.write(agreement, covering)?;
    let shown = copied.preview(&["population/GetPerson", PERSON])?.fine()?;
    let row = shown.lines().find(|line| line.starts_with("personal_id "));
    ensure!(row.is_some_and(|row| row.contains('◐')), "{shown}");
    ensure!(shown.contains("   covered   personal_id\n"), "{shown}");
    let grant = "g01-h26-population-2026/residence";
    let shown = copied.preview(&["population/GetPerson", PERSON, "--show", grant])?;
    let shown: serde_json::Value = serde_json::from_str(&shown.fine()?)?;
    let id = shown["personal_id"].as_str().unwrap_or_default();
    ensure!(id.len() == 12 && id.starts_with("*********"), "{id}");
    ensure!(!id.ends_with('*'), "{id}");
    Ok(())
}

#[test]
fn a_sample_comes_from_a_file_or_from_standard_input_all_the_same() -> Result<()> {
    let from_file = of_reference(&["population/GetPerson", PERSON])?;
    let words = ["population/GetPerson", "-", "--format", "json"];
    let person = input(super::run::root().join(PERSON))?;
    let from_input = preview_of(person, &[&CATALOG, words.as_slice()].concat())?.fine()?;
    ensure!(from_input == from_file, "{from_input}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_of_a_configuration_is_read() -> Result<()> {
    let dir = tempfile::TempDir::with_prefix("motlan-preview-")?;
    let world = World::lay(dir.path(), 1).await?;
    let config = world.config().display().to_string();
    let catalog = world.dir().join("catalog").display().to_string();
    let words = ["population/GetPerson", PERSON, "--json"];
    let by_config = preview(&[&["--config", config.as_str()], words.as_slice()].concat())?;
    let by_folder = preview(&[&["--catalog", catalog.as_str()], words.as_slice()].concat())?;
    let (by_config, by_folder) = (by_config.fine()?, by_folder.fine()?);
    ensure!(by_config == by_folder, "{by_config}\n{by_folder}");
    Ok(())
}
