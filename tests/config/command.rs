//! The binary `motlan`, as an operator runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{assert_named, in_order, place, replace};
use crate::system::running::Laid;

const LAND: &str = "catalog/agreements/g10-h26-land.toml";
const POPULATION: &str = "catalog/agreements/g01-h26-population.toml";

/// `motlan`, which lies beside the folder of this test's own program.
fn motlan() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    let motlan = profile.join(format!("motlan{}", std::env::consts::EXE_SUFFIX));
    assert!(
        motlan.is_file(),
        "`{}` is missing; make it with `cargo build --workspace --bins` in the profile of this \
         test, as `tests/run` does",
        motlan.display()
    );
    motlan
}

fn run(verb: &str, config: &Path) -> Output {
    let mut command = Command::new(motlan());
    command.arg(verb).arg("--config").arg(config);
    command.output().unwrap()
}

#[tokio::test]
async fn a_command_that_finds_faults_names_them_all_and_fails() {
    // R51.
    let laid = in_order().await;
    replace(&laid, "motlan.toml", "audience =", "audiense =");
    replace(
        &laid,
        LAND,
        "view = \"certificate\"",
        "view = \"certificat\"",
    );
    replace(
        &laid,
        POPULATION,
        "consumer = \"H26\"",
        "consumer = \"H99\"",
    );
    for verb in ["check", "serve"] {
        let output = run(verb, &laid.world.config());
        assert_eq!(output.status.code(), Some(1), "{verb}");
        assert!(output.stdout.is_empty(), "{verb}");
        let faults = String::from_utf8(output.stderr).unwrap();
        for (file, text, what) in [
            ("motlan.toml", "audiense", "did you mean `audience`?"),
            (LAND, "certificat\"", "did you mean `certificate`?"),
            (POPULATION, "H99", "`H99`"),
        ] {
            assert_named(&faults, &place(&laid, file, text), what);
        }
        assert!(faults.ends_with("nothing was started\n"), "{faults}");
    }
}

// The owners' systems answer while the command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_in_order_is_said_to_be() {
    let laid = in_order().await;
    let output = run("check", &laid.world.config());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{told}"
    );
    assert!(told.starts_with("in order: instance `demo`"), "{told}");
}

#[tokio::test]
async fn a_gateway_without_a_ledger_does_not_start_and_makes_none() {
    // R33, R51: what must exist is made by a command.
    let laid = Laid::out().await;
    let output = run("serve", &laid.world.config());
    assert_eq!(output.status.code(), Some(1));
    let faults = String::from_utf8(output.stderr).unwrap();
    assert!(
        faults.contains("`motlan ledger init` makes one"),
        "{faults}"
    );
    assert!(!laid.world.dir().join("ledger").exists());
}
