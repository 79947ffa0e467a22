//! `preflight::check`, which `motlan check` and `motlan serve` begin with.

use std::fs;

use motlan_gateway::preflight;

use super::{assert_file_named, assert_named, in_order, place, replace};
use crate::system::running::Laid;

const MOTLAN: &str = "motlan.toml";
const LAND: &str = "catalog/agreements/g10-h26-land.toml";
const POPULATION: &str = "catalog/agreements/g01-h26-population.toml";
const PROVINCES: &str = "catalog/systems/provinces.toml";

/// Everything that is wrong, one fault a line.
fn faults(laid: &Laid) -> String {
    preflight::check(&laid.world.config())
        .unwrap_err()
        .to_string()
}

/// How many faults the last line counts.
#[track_caller]
fn assert_counted(faults: &str, count: usize) {
    let many = if count == 1 { "" } else { "s" };
    let last = format!("{count} fault{many}; nothing was started");
    assert_eq!(faults.lines().last(), Some(last.as_str()), "{faults}");
    assert_eq!(faults.lines().count(), count + 1, "{faults}");
}

#[tokio::test]
async fn a_deployment_that_is_in_order_has_no_fault() {
    let laid = in_order().await;
    let settings = preflight::check(&laid.world.config()).unwrap();
    assert_eq!(settings.instance, "demo");
}

#[tokio::test]
async fn the_folders_beside_the_ledger_are_no_two_the_same() {
    let laid = in_order().await;
    replace(
        &laid,
        MOTLAN,
        "[ledger]",
        "[ledger]\nknown_checkpoint = \"ledger.index\"",
    );
    let found = faults(&laid);
    assert!(
        found.contains("`known_checkpoint` and `index` are one folder"),
        "{found}"
    );
}

#[tokio::test]
async fn faults_of_the_configuration_and_of_several_catalogue_files_are_named_at_once() {
    // R51.
    let laid = in_order().await;
    replace(&laid, MOTLAN, "audience =", "audiense =");
    replace(&laid, MOTLAN, "instance = \"demo\"", "instance = 7");
    replace(&laid, MOTLAN, "admin = \"127.0.0.1:0\"", "admin = \"here\"");
    let laid = laid.configured("[limits]\nlookup_ms_max = 0\nlookup_ms_mox = 1");
    replace(&laid, LAND, "consumer = \"H26\"", "consumer = \"H99\"");
    replace(
        &laid,
        LAND,
        "view = \"certificate\"",
        "view = \"certificat\"",
    );
    replace(
        &laid,
        POPULATION,
        "view = \"household\"",
        "views = \"household\"",
    );
    replace(&laid, PROVINCES, "suspended = true", "suspended = \"yes\"");

    let faults = faults(&laid);
    let at = |file, text| place(&laid, file, text);
    assert_named(&faults, &at(MOTLAN, "audiense"), "did you mean `audience`?");
    assert_named(&faults, &at(MOTLAN, "instance = 7"), "`instance`");
    assert_named(&faults, &at(MOTLAN, "\"here\""), "`listen.admin`");
    assert_named(
        &faults,
        &at(MOTLAN, "lookup_ms_max = 0"),
        "`limits.lookup_ms_max`",
    );
    assert_named(
        &faults,
        &at(MOTLAN, "lookup_ms_mox"),
        "did you mean `limits.lookup_ms_max`?",
    );
    assert_named(&faults, &at(LAND, "H99"), "`H99`");
    assert_named(&faults, &at(LAND, "H26/one-stop"), "is no system of `H99`");
    assert_named(
        &faults,
        &at(LAND, "certificat\""),
        "did you mean `certificate`?",
    );
    assert_named(
        &faults,
        &at(POPULATION, "views ="),
        "did you mean `grant.view`?",
    );
    assert_named(&faults, &at(PROVINCES, "suspended ="), "`system.suspended`");
    // What these leave missing is said too.
    for missing in ["`audience` is missing", "`grant.view` is missing"] {
        assert!(faults.contains(missing), "{faults}");
    }
    assert_counted(&faults, 12);
}

#[tokio::test]
async fn a_fault_of_the_catalogue_alone_is_named_with_its_line() {
    let laid = in_order().await;
    replace(&laid, LAND, "\"GetParcel\", ", "\"GetParcels\", ");
    let faults = faults(&laid);
    let begins = place(&laid, LAND, "GetParcels");
    assert_named(&faults, &begins, "did you mean `GetParcel`?");
    assert_counted(&faults, 1);
}

#[tokio::test]
async fn every_file_that_cannot_be_used_is_named_at_once() {
    let laid = in_order().await;
    let dir = laid.world.dir();
    fs::remove_file(dir.join("pki/gateway.pem")).unwrap();
    laid.world
        .write("pki/gateway-client.key", "nonsense")
        .unwrap();
    laid.world.write("pki/ledger.key", "nonsense").unwrap();
    fs::remove_dir_all(dir.join("ledger")).unwrap();
    let faults = faults(&laid);
    assert_file_named(&faults, &dir.join("pki/gateway.pem"), "certificate");
    assert_file_named(&faults, &dir.join("pki/gateway-client.key"), "private key");
    assert_file_named(
        &faults,
        &dir.join("pki/ledger.key"),
        "`motlan ledger init` makes one",
    );
    assert_file_named(
        &faults,
        &dir.join("ledger"),
        "`motlan ledger init` makes one",
    );
    // Two keys that others may read as well.
    assert_counted(&faults, 6);
}

#[tokio::test]
async fn a_fault_of_the_configuration_hides_no_file_that_it_names() {
    let laid = in_order().await.configured("[limits]\nlookup_ms_max = 0");
    let dir = laid.world.dir();
    fs::remove_file(dir.join("pki/gateway.pem")).unwrap();
    fs::remove_file(dir.join("pki/ledger.key")).unwrap();
    let faults = faults(&laid);
    assert!(faults.contains("`limits.lookup_ms_max` is 0"), "{faults}");
    assert_file_named(&faults, &dir.join("pki/gateway.pem"), "certificate");
    assert_file_named(&faults, &dir.join("pki/ledger.key"), "no signing key");
    assert_counted(&faults, 3);
}

#[tokio::test]
async fn a_fault_of_the_catalogue_hides_no_certificate() {
    let laid = in_order().await;
    replace(&laid, LAND, "\"GetParcel\", ", "\"GetParcels\", ");
    let certificate = laid.world.dir().join("pki/gateway-client.pem");
    fs::remove_file(&certificate).unwrap();
    let faults = faults(&laid);
    assert_file_named(&faults, &certificate, "certificate");
    assert_counted(&faults, 2);
}

#[tokio::test]
async fn another_ledger_or_its_key_is_a_fault() {
    let laid = in_order().await;
    let dir = laid.world.dir();
    let key = dir.join("pki/ledger.key");
    fs::remove_file(&key).unwrap();
    let (_, verifier) = {
        let log = laid.layout().ledger(laid.newest());
        motlan_audit::Ledger::named_in(&log).unwrap()
    };
    let other = motlan_audit::SignerKey::generate(verifier.name()).unwrap();
    other.write(&key).unwrap();
    assert_file_named(&faults(&laid), &key, "is not the key of the ledger");
    assert_counted(&faults(&laid), 1);

    let config = fs::read_to_string(laid.world.config()).unwrap();
    let renamed = config.replace("instance = \"demo\"", "instance = \"other\"");
    laid.world.write("motlan.toml", &renamed).unwrap();
    let log = laid.layout().ledger(laid.newest());
    assert_file_named(&faults(&laid), &log, "/other`; correct");

    fs::remove_dir_all(dir.join("ledger")).unwrap();
    fs::create_dir(dir.join("ledger")).unwrap();
    assert_file_named(&faults(&laid), &dir.join("ledger"), "holds no ledger");
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_a_fault() {
    let laid = in_order().await.configured("[telemetry]\nlog = \"a=b=c\"");
    assert!(faults(&laid).contains("`log` is no filter"));
    assert_counted(&faults(&laid), 1);
}

#[tokio::test]
async fn a_key_that_is_not_that_of_its_certificate_is_a_fault() {
    let laid = in_order().await;
    let dir = laid.world.dir();
    fs::copy(
        dir.join("pki/gateway-client.key"),
        dir.join("pki/gateway.key"),
    )
    .unwrap();
    let faults = faults(&laid);
    assert_file_named(&faults, &dir.join("pki/gateway.pem"), "cannot be used");
    assert_counted(&faults, 1);
}

#[tokio::test]
async fn a_ledger_that_was_never_made_is_a_fault() {
    let laid = Laid::out().await;
    let faults = faults(&laid);
    assert_file_named(
        &faults,
        &laid.world.dir().join("ledger"),
        "`motlan ledger init`",
    );
    // Asking made nothing.
    assert!(!laid.world.dir().join("ledger").exists());
    assert!(!laid.world.dir().join("pki/ledger.key").exists());
}

#[tokio::test]
async fn what_is_no_toml_or_not_there_is_a_fault() {
    let laid = in_order().await;
    laid.world.write(LAND, "id = \n").unwrap();
    let broken = faults(&laid);
    assert_named(&broken, &place(&laid, LAND, "id ="), "");
    fs::remove_dir_all(laid.world.dir().join("catalog")).unwrap();
    assert_file_named(&faults(&laid), &laid.world.dir().join("catalog"), "");
    fs::remove_file(laid.world.config()).unwrap();
    assert_file_named(&faults(&laid), &laid.world.config(), "");
}

#[tokio::test]
async fn a_second_ledger_of_one_name_is_not_made() {
    // R35: signed by the same key, it would contradict the first.
    let laid = in_order().await;
    let dir = laid.world.dir();
    fs::rename(dir.join("ledger"), dir.join("put-away")).unwrap();
    let settings = motlan_gateway::Settings::read(&laid.world.config()).unwrap();
    let refused = motlan_gateway::ledger::init(&settings.instance, &settings.ledger).unwrap_err();
    assert!(
        refused.to_string().contains("could contradict the first"),
        "{refused}"
    );
    assert!(!dir.join("ledger").exists());
}
