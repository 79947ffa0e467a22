//! R51, R110: what `motlan check` says of each of many broken configurations, as a file whose diff
//! is reviewed: whether an operator at night would know what to do.

#[path = "broken/cases.rs"]
mod cases;
#[path = "broken/copy.rs"]
mod copy;
#[path = "broken/machine.rs"]
mod machine;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use motlan_gateway::{Settings, ledger, preflight};
use motlan_testkit::World;
use tempfile::TempDir;

use copy::Copied;

const SNAPSHOT: &str = "tests/broken/messages.txt";
/// Set to rewrite the file in place of comparing it.
const REWRITE: &str = "MOTLAN_REWRITE_BROKEN";
const CASES_MIN: usize = 40;
/// Agreements are for other tests: one is enough, and is quickly tried.
const AGREEMENT: &str = "g10-h26-land";

/// A configuration that is broken in one way.
struct Case {
    name: &'static str,
    how: fn(&mut Copied) -> Result<()>,
}

/// A whole deployment with its ledger, of which each case breaks a copy.
struct Laid {
    world: World,
    _dir: TempDir,
}

async fn lay() -> Result<Laid> {
    let dir = TempDir::with_prefix("motlan-broken-")?;
    let world = World::lay(dir.path(), 7).await?;
    for entry in fs::read_dir(world.dir().join("catalog/agreements"))? {
        let file = entry?.path();
        if !file.to_string_lossy().contains(AGREEMENT) {
            fs::remove_file(file)?;
        }
    }
    world.seal()?;
    let settings = Settings::read(&world.config())?;
    ledger::init(&settings.instance, &settings.ledger)?;
    Ok(Laid { world, _dir: dir })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_configuration_is_told_as_reviewed() -> Result<()> {
    let laid = lay().await?;
    let sound = Copied::of(laid.world.dir())?.told().await?;
    ensure!(sound.is_empty(), "nothing is broken yet, but\n{sound}");

    let cases: Vec<Case> = [cases::all(), machine::all()]
        .into_iter()
        .flatten()
        .collect();
    ensure!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let mut all = String::new();
    for case in &cases {
        let mut copied = Copied::of(laid.world.dir())?;
        (case.how)(&mut copied).with_context(|| case.name)?;
        writeln!(all, "# {}\n{}", case.name, copied.told().await?)?;
    }
    let file = root().join(SNAPSHOT);
    if std::env::var_os(REWRITE).is_some() {
        fs::write(&file, &all)?;
    }
    let blank = cases
        .iter()
        .find(|case| all.contains(&format!("# {}\n\n", case.name)));
    ensure!(
        blank.is_none(),
        "`{}` is not found",
        blank.map_or("", |it| it.name)
    );
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    let first = all
        .lines()
        .zip(reviewed.lines())
        .find(|(one, other)| one != other);
    ensure!(
        all == reviewed,
        "`{SNAPSHOT}` is out of date ({first:?}): if the change is meant, set {REWRITE}=1, run \
         this test again and review the diff"
    );
    Ok(())
}

// R110.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_leaves_nothing_behind_and_changes_nothing() -> Result<()> {
    let laid = lay().await?;
    let files = || -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut files = Vec::new();
        copy::each_file(laid.world.dir(), &mut |file| {
            files.push((file.to_owned(), fs::read(file)?));
            Ok(())
        })?;
        files.sort();
        Ok(files)
    };
    let before = files()?;
    let scope = preflight::Scope {
        owners: true,
        ..preflight::Scope::start()
    };
    let checked = preflight::examined(&laid.world.config(), &scope).await?;
    ensure!(files()? == before, "files were left or changed");
    let looked = checked.looked().join("\n");
    for what in [
        "can be listened on",
        "answer over HTTP/2",
        "right within",
        "can be written",
    ] {
        ensure!(looked.contains(what), "{what} in\n{looked}");
    }
    Ok(())
}

// R110.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_running_gateway_its_ports_and_its_ledger_are_no_faults() -> Result<()> {
    let laid = lay().await?;
    let mut copied = Copied::of(laid.world.dir())?;
    machine::hold(&mut copied)?;
    ensure!(copied.told().await?.contains("is held by another process"));
    copied.scope.running = true;
    let told = copied.told().await?;
    ensure!(told.is_empty(), "{told}");
    Ok(())
}
