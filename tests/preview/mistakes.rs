//! Every mistake is told in one message that names it, with exit code 1 and no table.

use anyhow::{Result, ensure};

use super::odd::catalogue;
use super::run::Copied;

const GET_PERSON: &str = "population/GetPerson";
const PERSON: &str = "vn.population.v1.Person";

/// What a preview complains of, with a sample of this name and content, which the text calls `S`.
fn fault(copied: &Copied, name: &str, content: &[u8], words: &[&str]) -> Result<String> {
    let sample = copied.write(name, content)?;
    let (target, words) = words.split_first().unwrap_or((&"", &[]));
    let fault = copied
        .preview(&[&[*target, sample.as_str()], words].concat())?
        .fault()?;
    Ok(fault.replace(&sample, "S"))
}

#[test]
fn a_name_that_is_none_is_told_with_the_nearest() -> Result<()> {
    let copied = Copied::new()?;
    let odd = catalogue()?;
    let grant = "g01-h26-population-2026/residence";
    for (words, due) in [
        (
            vec!["popluation"],
            "the catalogue has no dataset `popluation`; did you mean `population`?",
        ),
        (
            vec!["weather/GetRain"],
            "the catalogue has no dataset `weather`; there are `business_registration`, \
             `civil_status`, `land`, `population`",
        ),
        (
            vec!["population/GetPersn"],
            "the dataset `population` offers no method `GetPersn`; did you mean `GetPerson`?",
        ),
        (
            vec!["population"],
            "the sample fits several methods; name one of `population/GetPerson`, \
             `population/ListHousehold`",
        ),
        (
            vec![GET_PERSON, "--show", "g01-h26-population-2026/residense"],
            "no grant `g01-h26-population-2026/residense` here; did you mean \
             `g01-h26-population-2026/residence`?",
        ),
        (
            vec![GET_PERSON, "--fields", "sex,sexx"],
            "a caller would be refused, FIELD_UNKNOWN: the answer has no field `sexx`; did you \
             mean `sex`?",
        ),
        (
            vec![GET_PERSON, "--fields", "religion", "--show", grant],
            "a caller would be refused, FIELD_NOT_GRANTED: `g01-h26-population-2026/residence` \
             does not give the field `religion`",
        ),
        (
            vec![GET_PERSON, "--fields", "religion", "--show", "residence"],
            "a caller would be refused, FIELD_NOT_GRANTED: `g01-h26-population-2026/residence` \
             does not give the field `religion`",
        ),
        (
            vec![
                GET_PERSON,
                "--views",
                "--fields",
                "religion",
                "--show",
                "household",
            ],
            "a caller would be refused, FIELD_NOT_GRANTED: the view `household` does not give \
             `religion`",
        ),
        (
            vec![GET_PERSON, "--fields", "sex,,"],
            "`--fields sex,,`: give field paths, joined by commas",
        ),
    ] {
        let found = fault(&copied, "sample.json", br#"{"sex": 1}"#, &words)?;
        ensure!(found == format!("motlan: {due}\n"), "{words:?}: {found}");
    }
    let birth = br#"{"child": {"sex": 1}}"#;
    let found = fault(&odd, "birth.json", birth, &["civil_status/GetBirth"])?;
    let due = "motlan: no agreement grants `civil_status/GetBirth`; `--views` shows what its views \
               would let out\n";
    ensure!(found == due, "{found}");
    Ok(())
}

/// Asserts what a preview complains of for each sample: its name, its content, the complaint with
/// `P` for the message's name.
fn complains(copied: &Copied, samples: &[(&str, &[u8], &str)]) -> Result<()> {
    for (name, content, due) in samples {
        let found = fault(copied, name, content, &[GET_PERSON])?;
        let due = format!("motlan: {}\n", due.replace("`P`", &format!("`{PERSON}`")));
        ensure!(found == due, "{name}:\n{found}{due}");
    }
    Ok(())
}

#[test]
fn a_sample_that_does_not_fit_is_told_with_line_and_field() -> Result<()> {
    let samples: [(&str, &[u8], &str); 6] = [
        (
            "a.json",
            b"{\n  \"sex\": 1,\n  \"fullname\": \"x\"\n}",
            "S:3: no `P`: unrecognized field name 'fullname', in `\"fullname\": \"x\"`",
        ),
        (
            "b.json",
            b"{\n  \"household_code\": 7\n}",
            "S:2: no `P`: invalid type: integer `7`, expected a string, in \
             `\"household_code\": 7`",
        ),
        (
            "c.json",
            b"{\"sex\": \"SEX_OTHER\"}",
            "S:1: no `P`: unrecognized enum value 'SEX_OTHER', in `{\"sex\": \"SEX_OTHER\"}`",
        ),
        (
            "d.json",
            b"{\"sex\": 1} trailing",
            "S:1: no `P`: trailing characters, in `{\"sex\": 1} trailing`",
        ),
        (
            "e.txtpb",
            b"full_name: \"x\"\ndate_of_birth {\n  yaer: 1990\n}\n",
            "S:3: no `P`: field 'yaer' not found for message 'vn.common.v1.Date', in `yaer: 1990`",
        ),
        (
            "f.txtpb",
            b"sex: 1\nsex: 1\n",
            "S:2: no `P`: 'sex' is already set, in `sex: 1`",
        ),
    ];
    complains(&Copied::new()?, &samples)
}

#[test]
fn a_sample_that_is_empty_malformed_or_of_no_known_form_is_told() -> Result<()> {
    let empty = "the sample `S` is empty: it sets no field, so nothing can leave or be withheld";
    let samples: [(&str, &[u8], &str); 6] = [
        ("a.json", b"{}", empty),
        ("b.binpb", b"", empty),
        (
            "c.binpb",
            b"\x0a\x05ab",
            "the sample `S` is no well-formed `P`: truncated at byte 1",
        ),
        (
            // Religion, which leaves under no view, is checked as well.
            "d.bin",
            b"\x0a\x01a\x30\x01",
            "the sample `S` is no well-formed `P`: field 6 at byte 3 has the wrong wire type",
        ),
        (
            "e.yaml",
            b"sex: 1",
            "the name `S` does not tell the sample's form; say `--format json`, `txtpb` or `binpb`",
        ),
        ("f.json", b"\"\xff\"", "the sample `S` is not utf-8"),
    ];
    complains(&Copied::new()?, &samples)
}

#[test]
fn a_sample_beyond_the_limits_is_refused_and_crashes_nothing() -> Result<()> {
    let copied = Copied::new()?;
    let long = vec![b' '; (4 << 20) + 1];
    let found = fault(&copied, "long.json", &long, &[GET_PERSON])?;
    ensure!(
        found == "motlan: the sample `S` is longer than 4194304 bytes\n",
        "{found}"
    );
    let deep = "relatives {".repeat(1 << 18);
    let found = fault(&copied, "deep.txtpb", deep.as_bytes(), &[GET_PERSON])?;
    ensure!(
        found == "motlan: the sample `S` nests deeper than 100 messages\n",
        "{found}"
    );
    let deep = "{\"relatives\":[".repeat(1 << 18);
    let found = fault(&copied, "deep.json", deep.as_bytes(), &[GET_PERSON])?;
    ensure!(
        found.contains("S:1: no `vn.population.v1.Person`"),
        "{found}"
    );
    Ok(())
}

#[test]
fn a_file_that_is_not_there_is_named() -> Result<()> {
    let copied = Copied::new()?;
    let found = copied.preview(&[GET_PERSON, "nowhere.json"])?.fault()?;
    let due = "motlan: the sample `nowhere.json` cannot be read: No such file or directory";
    ensure!(found.starts_with(due), "{found}");
    let sample = copied.write("sample.json", br#"{"sex": 1}"#)?;
    let found = super::run::preview(&["--catalog", "nowhere", GET_PERSON, &sample])?.fault()?;
    ensure!(
        found.starts_with("nowhere/catalog.toml: cannot be read"),
        "{found}"
    );
    let found = super::run::preview(&["--config", "no.toml", GET_PERSON, &sample])?.fault()?;
    ensure!(found.starts_with("no.toml: cannot be read"), "{found}");
    Ok(())
}

#[test]
fn every_fault_of_the_catalogue_is_named_as_the_gateway_names_it() -> Result<()> {
    // R51.
    let copied = Copied::new()?;
    for (file, from, to) in [
        (
            "g01-h26-population.toml",
            "view = \"residence\"",
            "view = \"residense\"",
        ),
        (
            "g10-h26-land.toml",
            "consumer = \"H26\"",
            "consumer = \"H99\"",
        ),
    ] {
        let path = format!("deploy/catalog/agreements/{file}");
        let text = std::fs::read_to_string(copied.path(&path))?;
        ensure!(text.contains(from), "{file} has changed");
        copied.write(&path, text.replace(from, to))?;
    }
    let found = fault(&copied, "sample.json", br#"{"sex": 1}"#, &[GET_PERSON])?;
    let lines: Vec<&str> = found.lines().collect();
    ensure!(
        lines.len() == 4 && lines[3] == "3 faults; nothing to preview",
        "{found}"
    );
    ensure!(lines[0].contains("g01-h26-population.toml:19: "), "{found}");
    ensure!(lines[1].contains("g10-h26-land.toml:7: "), "{found}");
    Ok(())
}
