//! R84, R85, R86: what a gateway starts with is what was signed and sealed, and nothing older.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use motlan_catalog::signed::Accepted;
use motlan_gateway::{Gateway, Settings, preflight};

use super::{assert_file_named, in_order, place, replace};
use crate::system::running::Laid;

const KNOWN: &str = "known-revision.json";
const LAND: &str = "catalog/agreements/g10-h26-land.toml";

fn path(laid: &Laid, file: &str) -> PathBuf {
    laid.world.dir().join(file)
}

fn known(laid: &Laid) -> u64 {
    Accepted::read(&path(laid, KNOWN)).unwrap().revision
}

/// Everything that is wrong, which a start would find too.
async fn faults(laid: &Laid) -> String {
    let told = preflight::check(&laid.world.config()).unwrap_err();
    let settings = Settings::read(&laid.world.config()).unwrap();
    let refused = Gateway::start(settings).await.err().unwrap();
    let first = told.to_string();
    let first = first.lines().next().unwrap();
    assert!(refused.to_string().contains(first), "{refused}");
    told.to_string()
}

#[tokio::test]
async fn an_agreement_that_was_altered_after_signing_does_not_start_a_gateway() {
    let laid = in_order().await;
    // Past the deployment's own hands, which would sign it.
    let file = path(&laid, LAND);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("2027-02-28", "2028-02-28")).unwrap();
    let told = faults(&laid).await;
    assert_file_named(&told, &file, "is not what was sealed as revision 1");
    let signatures = path(&laid, &format!("{LAND}.jws.json"));
    for role in ["owner", "data_protection", "consumer"] {
        let what = format!("as `{role}` is not one of this agreement as it stands");
        assert_file_named(&told, &signatures, &what);
    }
    assert!(told.ends_with("4 faults; nothing was started\n"), "{told}");

    fs::write(&file, text).unwrap();
    preflight::check(&laid.world.config()).unwrap();
}

#[tokio::test]
async fn a_gateway_moves_forward_what_is_known_and_never_begins_again_with_less() {
    let laid = in_order().await;
    let sealed = ["catalog/manifest.json", "catalog/manifest.json.jws.json"];
    let older = sealed.map(|file| fs::read(path(&laid, file)).unwrap());
    laid.world.seal().unwrap();
    // A check takes nothing in force.
    let settings = preflight::check(&laid.world.config()).unwrap();
    assert_eq!(known(&laid), 1);
    let gateway = Gateway::start(settings).await.unwrap();
    assert_eq!(known(&laid), 2);
    gateway.stop().await.unwrap();

    // The signatures of agreements are new as well: the whole set of before is put back.
    for (file, content) in sealed.into_iter().zip(older) {
        fs::write(path(&laid, file), content).unwrap();
    }
    let told = faults(&laid).await;
    assert_file_named(
        &told,
        &path(&laid, "catalog/manifest.json"),
        "the set is revision 1, but revision 2 was in force already",
    );
    assert_eq!(known(&laid), 2);
}

#[tokio::test]
async fn a_reload_takes_a_newer_set_and_never_an_older_one() {
    let laid = in_order().await;
    let sealed = ["catalog/manifest.json", "catalog/manifest.json.jws.json"];
    let older = sealed.map(|file| fs::read(path(&laid, file)).unwrap());
    let settings = Settings::read(&laid.world.config()).unwrap();
    let gateway = Gateway::start(settings).await.unwrap();
    laid.world.seal().unwrap();
    gateway.reload().await.catalog.unwrap();
    assert_eq!(known(&laid), 2);

    for (file, content) in sealed.into_iter().zip(older) {
        fs::write(path(&laid, file), content).unwrap();
    }
    let refused = gateway.reload().await.catalog.unwrap_err().to_string();
    assert!(
        refused.contains("the set is revision 1, but revision 2 was in force already"),
        "{refused}"
    );
    assert_eq!(known(&laid), 2);
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_knows_of_no_set_does_not_start_and_makes_nothing() {
    let laid = in_order().await;
    fs::remove_file(path(&laid, KNOWN)).unwrap();
    let told = faults(&laid).await;
    assert_file_named(&told, &path(&laid, KNOWN), "`motlan policy accept`");
    assert!(told.ends_with("1 fault; nothing was started\n"), "{told}");
    assert!(!path(&laid, KNOWN).exists());
}

#[tokio::test]
async fn the_older_form_of_the_configuration_is_told_what_to_write() {
    let laid = in_order().await;
    replace(&laid, "motlan.toml", "\n[catalog]\n", "\n[catalogue]\n");
    replace(
        &laid,
        "motlan.toml",
        "instance =",
        "catalog = \"catalog\"\ninstance =",
    );
    let told = preflight::check(&laid.world.config())
        .unwrap_err()
        .to_string();
    let begins = place(&laid, "motlan.toml", "catalog = \"catalog\"");
    super::assert_named(
        &told,
        &begins,
        "write a table `[catalog]` with `folder = \"catalog\"`, `manifest_key = \"…\"`",
    );
}

#[tokio::test]
async fn what_is_known_does_not_lie_in_the_set_that_it_is_about() {
    let laid = in_order().await;
    replace(
        &laid,
        "motlan.toml",
        "\"known-revision.json\"",
        "\"catalog/known.json\"",
    );
    let told = preflight::check(&laid.world.config())
        .unwrap_err()
        .to_string();
    let begins = place(&laid, "motlan.toml", "catalog/known.json");
    super::assert_named(&told, &begins, "lies in the catalogue's folder");
}

#[tokio::test]
async fn what_is_known_does_not_lie_in_the_set_by_way_of_a_link_either() {
    let laid = in_order().await;
    symlink("catalog", path(&laid, "elsewhere")).unwrap();
    for known in ["elsewhere/known.json", "pki/../catalog/known.json"] {
        let quoted = format!("\"{known}\"");
        replace(&laid, "motlan.toml", "\"known-revision.json\"", &quoted);
        let told = preflight::check(&laid.world.config()).unwrap_err();
        let begins = place(&laid, "motlan.toml", known);
        super::assert_named(&told.to_string(), &begins, "lies in the catalogue's folder");
        replace(&laid, "motlan.toml", &quoted, "\"known-revision.json\"");
    }
    preflight::check(&laid.world.config()).unwrap();
}
